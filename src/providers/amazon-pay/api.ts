import { constants, createHash, createPrivateKey, type KeyObject, sign as signBytes } from 'node:crypto';
import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, EndpointSettings, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { isLive } from './webhook.ts';

/** developer.amazon.com/docs/amazon-pay-api-v2/introduction.html */
const HOSTS = { us: 'pay-api.amazon.com', eu: 'pay-api.amazon.eu', jp: 'pay-api.amazon.jp' } as const;
const PATHS: Readonly<Record<string, string>> = { payment: 'charges', refund: 'refunds', dispute: 'disputes' };
const ALGORITHM = 'AMZN-PAY-RSASSA-PSS-V2';
const SALT_BYTES = 32;
const PUBLIC_KEY_ID = /^[A-Z0-9-]{8,64}$/;
const PEM_CHARS_MAX = 16 * 1024;

/*
 * There is no list: charges, refunds and disputes are told by their ids only, and a charge permission names no charges. The
 * reports (developer.amazon.com/docs/amazon-pay-api-v2/reports.html) are made on request, and are downloaded within 30 seconds
 * from an address in the answer: an answer must not decide where we connect.
 */
export const api: ProviderApi = {
  hosts: Object.values(HOSTS),
  keySetting: 'api_key',
  fetchObject,
};

export function regionOf({ region }: EndpointSettings): keyof typeof HOSTS | null {
  return region === 'us' || region === 'eu' || region === 'jp' ? region : null;
}

export function publicKeyIdOf({ public_key_id: id }: EndpointSettings): string | null {
  return typeof id === 'string' && PUBLIC_KEY_ID.test(id) ? id : null;
}

/** The RSA private key whose public half was given to Amazon Pay, in PEM. */
export function privateKeyOf({ api_key: pem }: EndpointSettings): KeyObject | null {
  if (typeof pem !== 'string' || pem.length > PEM_CHARS_MAX) return null;
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : null;
  } catch {
    // No key in PEM: the caller says which setting that is.
    return null;
  }
}

async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  const { settings, now } = context;
  const path = Object.hasOwn(PATHS, kind) ? PATHS[kind] : undefined;
  if (path === undefined) return { kind: 'missing', detail: `Amazon Pay is not asked for a ${kind}` };
  const region = regionOf(settings);
  const publicKeyId = publicKeyIdOf(settings);
  const key = privateKeyOf(settings);
  if (region === null || publicKeyId === null || key === null)
    return { kind: 'refused', detail: 'to ask Amazon Pay takes region, public_key_id and api_key (the private key)' };
  // A key id with an environment in front stands for it; with an older one the path names it.
  const environment = /^(?:LIVE|SANDBOX)-/.test(publicKeyId) ? '' : isLive(id) === false ? '/sandbox' : '/live';
  const target = { host: HOSTS[region], path: `${environment}/v2/${path}/${encodeURIComponent(id)}` };
  const headers = signedHeaders(target, { region, publicKeyId, key, now });
  return fetchedFrom(await context.call({ method: 'GET', ...target, headers }), now, target.path);
}

/** developer.amazon.com/docs/amazon-pay-api-v2/signing-requests.html, for a GET without query or body. */
function signedHeaders(
  { host, path }: { readonly host: string; readonly path: string },
  by: { readonly region: string; readonly publicKeyId: string; readonly key: KeyObject; readonly now: number },
): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/json',
    'x-amz-pay-date': new Date(by.now).toISOString().replace(/[-:]|\.\d{3}/g, ''),
    'x-amz-pay-host': host,
    'x-amz-pay-region': by.region,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    'GET',
    path,
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    sha256(''),
  ].join('\n');
  const signature = signBytes('RSA-SHA256', Buffer.from(`${ALGORITHM}\n${sha256(canonical)}`), {
    key: by.key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: SALT_BYTES,
  }).toString('base64');
  const authorization = `${ALGORITHM} PublicKeyId=${by.publicKeyId}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
