import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { notificationUrl } from './webhook.ts';

/** The headers Square would send with this body. `now` in unix ms. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  settings: EndpointSettings = {},
): Array<[string, string]> {
  const mac = hmacSha256(secret, notificationUrl(settings) ?? request.url, request.body);
  return [
    ['content-type', 'application/json'],
    ['user-agent', 'Square Connect v2'],
    ['square-environment', settings.mode === 'live' ? 'Production' : 'Sandbox'],
    ['square-version', '2026-10-15'],
    ['square-initial-delivery-timestamp', new Date(now).toISOString()],
    ['x-square-hmacsha256-signature', mac.toString('base64')],
  ];
}
