import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { isSigned } from './webhook.ts';

/** The headers Flutterwave would send with this body: the hash itself (v3), or a signature made with it (v4). */
export function sign(
  request: { readonly body: Buffer },
  secret: string,
  _now: number,
  settings: EndpointSettings = {},
): Array<[string, string]> {
  const proof: [string, string] = isSigned(settings)
    ? ['flutterwave-signature', hmacSha256(secret, request.body).toString('base64')]
    : ['verif-hash', secret];
  return [['content-type', 'application/json; charset=utf-8'], ['user-agent', 'Flutterwave'], proof];
}
