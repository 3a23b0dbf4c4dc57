import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';

/** The headers Stripe would send with this body. `now` in unix ms. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  const t = Math.floor(now / 1000);
  const mac = hmacSha256(secret, `${t}.`, request.body).toString('hex');
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['user-agent', 'Stripe/1.0 (+https://stripe.com/docs/webhooks)'],
    ['stripe-signature', `t=${t},v1=${mac}`],
  ];
}
