import { keyedSecret } from '../keyed-secret.ts';
import { hmacSha256 } from '../signature.ts';
import { HEADER } from './webhook.ts';

/** The headers Worldpay would send with this body. */
export function sign(body: Buffer, secret: string, encoding: 'hex' | 'base64' = 'hex'): Array<[string, string]> {
  const { keyId, key } = keyedSecret(secret);
  return [
    ['content-type', 'application/vnd.worldpay.events-v1.hal+json'],
    [HEADER, `${keyId ?? '1'}/SHA256/${hmacSha256(key, body).toString(encoding)}`],
  ];
}
