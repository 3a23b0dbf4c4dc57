import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { HEADER } from './webhook.ts';

/** The headers Checkout.com would send with this body. */
export function sign(body: Buffer, secret: string, settings: EndpointSettings = {}): Array<[string, string]> {
  const { authorization_token: token } = settings;
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ...(typeof token === 'string' ? [['authorization', token] as [string, string]] : []),
    [HEADER, hmacSha256(secret, body).toString('hex')],
  ];
}
