import { textAt } from '../../exact-json.ts';
import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';

/** The headers Lemon Squeezy would send with this body. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  _now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  return [
    ['content-type', 'application/json'],
    ['x-event-name', eventName(request.body)],
    ['x-signature', hmacSha256(secret, request.body).toString('hex')],
  ];
}

function eventName(body: Buffer): string {
  try {
    return textAt(JSON.parse(body.toString()), 'meta', 'event_name') ?? 'unknown';
  } catch {
    // What is no JSON can be signed all the same; it then names no event.
    return 'unknown';
  }
}
