import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';

/** The headers Paddle would send with this body. `now` in unix ms. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  const ts = Math.floor(now / 1000);
  const mac = hmacSha256(secret, `${ts}:`, request.body).toString('hex');
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['user-agent', 'Paddle'],
    ['paddle-version', '1'],
    ['paddle-signature', `ts=${ts};h1=${mac}`],
  ];
}
