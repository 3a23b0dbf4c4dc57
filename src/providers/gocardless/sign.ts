import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { HEADER } from './webhook.ts';

/** The headers GoCardless would send with this body. */
export function sign(body: Buffer, secret: string, settings: EndpointSettings = {}): Array<[string, string]> {
  return [
    ['content-type', 'application/json'],
    ['user-agent', 'gocardless-webhook-service/1.1'],
    ['origin', settings.mode === 'live' ? 'https://api.gocardless.com' : 'https://api-sandbox.gocardless.com'],
    [HEADER, hmacSha256(secret, body).toString('hex')],
  ];
}
