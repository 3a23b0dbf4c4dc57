import { messageOf } from '../../errors.ts';
import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, EndpointSettings, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { keyPair } from './key-pairs.ts';
import { parseXml } from './xml.ts';

/** braintree_node:lib/braintree/environment.js */
const HOSTS = { live: 'api.braintreegateway.com', test: 'api.sandbox.braintreegateway.com' } as const;
/** The version of the objects the webhooks carry. braintree_node:lib/braintree/config.js */
const API_VERSION = '6';
const MERCHANT_ID = /^[A-Za-z0-9_]{1,64}$/;

export const api: ProviderApi = {
  hosts: Object.values(HOSTS),
  keySetting: 'api_key',
  fetchObject,
};

export function merchantIdOf({ merchant_id: id }: EndpointSettings): string | null {
  return typeof id === 'string' && MERCHANT_ID.test(id) ? id : null;
}

export function isApiKey(value: unknown): value is string {
  return typeof value === 'string' && keyPair({ id: '', secret: value }) !== null;
}

/** `GET /merchants/{merchant}/transactions/{id}`, whose XML is kept as JSON: `{"transaction":{…}}`. */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  const { settings, now } = context;
  const merchant = merchantIdOf(settings);
  const { api_key: key } = settings;
  if (kind !== 'transaction') return { kind: 'missing', detail: `Braintree is not asked for a ${kind}` };
  if (merchant === null || !isApiKey(key))
    return { kind: 'refused', detail: 'to ask Braintree takes merchant_id and api_key (publicKey:privateKey)' };
  const answer = await context.call({
    method: 'GET',
    // Sandbox keys mean nothing in production: a wrong guess is refused, never another merchant's answer.
    host: settings.mode === 'test' ? HOSTS.test : HOSTS.live,
    path: `/merchants/${merchant}/transactions/${encodeURIComponent(id)}`,
    headers: {
      authorization: `Basic ${Buffer.from(key).toString('base64')}`,
      accept: 'application/xml',
      'x-apiversion': API_VERSION,
    },
  });
  const fetched = fetchedFrom(answer, now, 'Braintree');
  if (fetched.kind !== 'found') return fetched;
  try {
    const { name, value } = parseXml(fetched.body.toString('utf8'));
    return { kind: 'found', body: Buffer.from(JSON.stringify({ [name]: value })) };
  } catch (error) {
    return { kind: 'refused', detail: messageOf(error) };
  }
}
