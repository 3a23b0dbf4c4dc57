import { keyedSecret } from '../keyed-secret.ts';
import { hmacSha256 } from '../signature.ts';
import { HEADER, KEY_ID } from './webhook.ts';

/** The headers Klarna would send with this body. */
export function sign(body: Buffer, secret: string, encoding: 'hex' | 'base64' = 'hex'): Array<[string, string]> {
  const { keyId, key } = keyedSecret(secret);
  return [
    ['content-type', 'application/json'],
    [KEY_ID, keyId ?? 'krn:partner:global:notification:signing-key:00000000-0000-4000-8000-000000000000'],
    [HEADER, hmacSha256(key, body).toString(encoding)],
  ];
}
