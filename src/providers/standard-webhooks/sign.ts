import { createHash } from 'node:crypto';
import { PosternError } from '../../errors.ts';
import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { readKey } from './keys.ts';

/**
 * The headers a Standard Webhooks sender would add; the message id is made from the body, so that the same event sent
 * again has the same id. `now` in unix ms. @throws PosternError `config_invalid` unless `secret` is an HMAC secret.
 */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  const id = `msg_${createHash('sha256').update(request.body).digest('hex').slice(0, 24)}`;
  return signAs(id, request.body, secret, now);
}

/** As `sign`, with a message id of the caller's. */
export function signAs(id: string, body: Buffer, secret: string, now: number): Array<[string, string]> {
  const key = readKey(secret);
  if (key?.kind !== 'hmac') throw new PosternError('config_invalid', 'signing needs a whsec_ secret of 24 to 64 bytes');
  const timestamp = String(Math.floor(now / 1000));
  return [
    ['content-type', 'application/json'],
    ['webhook-id', id],
    ['webhook-timestamp', timestamp],
    ['webhook-signature', `v1,${hmacSha256(key.key, `${id}.${timestamp}.`, body).toString('base64')}`],
  ];
}
