import { createHash, sign as signBytes } from 'node:crypto';
import type { EndpointSettings } from '../provider.ts';
import { SIMULATED_CERTIFICATE_URL } from './simulated-settings.ts';
import { signedText, webhookIdOf } from './webhook.ts';

export { SIMULATED_CERTIFICATE_URL };

/**
 * The headers PayPal would send with this body, signed for the endpoint's `webhook_id`. `privateKey` is PEM and belongs to
 * the certificate under `certificateUrl`. The transmission id comes from body and time, so that the same call gives the
 * same request.
 */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  privateKey: string,
  now: number,
  settings: EndpointSettings = {},
  certificateUrl: string = SIMULATED_CERTIFICATE_URL,
): Array<[string, string]> {
  const time = new Date(now).toISOString().replace(/\.\d{3}Z$/, 'Z');
  const digest = createHash('sha256').update(time).update(request.body).digest('hex');
  const id = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  const text = signedText(id, time, webhookIdOf(settings) ?? '', request.body);
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['user-agent', 'PayPal/AUHD-214.0-56748420'],
    ['paypal-transmission-id', id],
    ['paypal-transmission-time', time],
    ['paypal-transmission-sig', signBytes('RSA-SHA256', Buffer.from(text), privateKey).toString('base64')],
    ['paypal-cert-url', certificateUrl],
    ['paypal-auth-algo', 'SHA256withRSA'],
    ['paypal-auth-version', 'v2'],
  ];
}
