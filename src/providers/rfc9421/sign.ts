import { createHash } from 'node:crypto';
import { PosternError } from '../../errors.ts';
import type { EndpointSettings, WebhookRequest } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { readKey } from './keys.ts';
import { signatureBase } from './signature-base.ts';
import { parseDictionary } from './structured-fields.ts';

const COVERED = ['@method', '@authority', '@path', 'content-type', 'content-digest'];

/**
 * The headers a sender would add that signs with the HMAC key `secret`. `now` in unix ms.
 * @throws PosternError `config_invalid` for any other key: a public key can sign nothing.
 */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  const key = readKey(secret);
  if (typeof key === 'string' || key.alg !== 'hmac-sha256')
    throw new PosternError('config_invalid', 'signing needs an hmac-sha256 key');
  const created = Math.floor(now / 1000);
  return signComponents(request, COVERED, `;created=${created};keyid="${key.keyid}"`, (base) =>
    hmacSha256(key.key, base),
  );
}

/** As `sign`, over components and with parameters and a signature of the caller's. */
export function signComponents(
  request: { readonly body: Buffer; readonly url: string },
  components: readonly string[],
  parameters: string,
  signature: (base: Buffer) => Buffer,
): Array<[string, string]> {
  const digest = createHash('sha256').update(request.body).digest('base64');
  const headers: Array<[string, string]> = [
    ['content-type', 'application/json'],
    ['content-digest', `sha-256=:${digest}:`],
  ];
  const input = `(${components.map((name) => `"${name}"`).join(' ')})${parameters}`;
  const covered = parseDictionary(`sig1=${input}`)?.get('sig1');
  const whole: WebhookRequest = { ...request, method: 'POST', headers };
  const built = covered !== undefined && 'list' in covered ? signatureBase(whole, covered) : { fault: 'no list' };
  if ('fault' in built) throw new PosternError('config_invalid', `nothing can be signed: ${built.fault}`);
  const mac = signature(Buffer.from(built.base, 'latin1')).toString('base64');
  return [...headers, ['signature-input', `sig1=${input}`], ['signature', `sig1=:${mac}:`]];
}
