import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';

/** The headers Coinbase Commerce would send with this body. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  _now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  return [
    ['content-type', 'application/json'],
    ['user-agent', 'weipay-webhooks'],
    ['x-cc-webhook-signature', hmacSha256(secret, request.body).toString('hex')],
  ];
}
