import { messageOf } from '../../errors.ts';
import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { verifyHeaderMac } from '../header-mac.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, IdentifiedEvent, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues } from '../signature.ts';
import { strictHex } from '../strict-hex.ts';

/*
 * Webhook-Signature: hex HMAC-SHA256 of the raw body, keyed with the endpoint's secret as text. The body is a batch,
 * {"events":[{"id":"EV…",…}, up to 250],"meta":{"webhook_id":"WB…"}}; a replay has another webhook_id and the same events.
 * developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks
 */
export const HEADER = 'webhook-signature';
const MAC_BYTES = 32;
/** Twice what GoCardless promises. */
const EVENTS_MAX = 500;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  return verifyHeaderMac(request, context, {
    header: HEADER,
    read: (text) => strictHex(text, MAC_BYTES),
    written: '64 hexadecimal digits',
  });
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (!Array.isArray(at(parsed, 'events'))) return { kind: 'unreadable', detail: 'the body has no list of events' };
  const list = listAt(parsed, 'events');
  if (list.length > EVENTS_MAX) return { kind: 'unreadable', detail: `the body holds ${list.length} events` };
  const live = liveOf(headerValues(request, 'origin')[0]);
  const events: IdentifiedEvent[] = [];
  for (const [item, entry] of list.entries()) {
    const id = textAt(entry, 'id');
    if (id === undefined) return { kind: 'unreadable', detail: `event ${item} has no id` };
    events.push({
      item,
      id,
      idSigned: true,
      transmissionId: null,
      type: `${textAt(entry, 'resource_type') ?? 'unknown'}.${textAt(entry, 'action') ?? 'unknown'}`,
      apiVersion: null,
      live,
      // Only webhooks of a partner's app say whose they are.
      account: textAt(entry, 'links', 'organisation') ?? null,
      occurredAt: isoTime(textAt(entry, 'created_at')) ?? null,
      fingerprint: () => fingerprintOf(entry),
    });
  }
  return { kind: 'events', events };
}

/** Metadata, `source` and `customer_notifications` tell of the resource and the delivery as they are by now. */
const CONTENT = ['created_at', 'resource_type', 'action', 'links', 'details'] as const;

function fingerprintOf(entry: Json): Buffer {
  const content = Object.fromEntries(CONTENT.map((name) => [name, at(entry, name)]));
  return contentFingerprint(Buffer.from(JSON.stringify(content)), []);
}

/** Only a header says so, and it is not signed; sandbox and live have endpoints and secrets of their own. */
function liveOf(origin: string | undefined): boolean | null {
  if (origin === 'https://api.gocardless.com') return true;
  return origin === 'https://api-sandbox.gocardless.com' ? false : null;
}
