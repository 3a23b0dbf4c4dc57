import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { verifyHeaderMac } from '../header-mac.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, safeEqual } from '../signature.ts';
import { strictHex } from '../strict-hex.ts';
import { listedEvent, listedKind } from './listed-object.ts';

/*
 * Cko-Signature: hex HMAC-SHA256 of the raw body, keyed with the signature key chosen for the webhook, as text. An
 * Authorization header of one's own choice may come with it and proves nothing of the body.
 * checkout.com/docs/developer-resources/event-notifications/receive-webhooks/configure-your-webhook-server
 */
export const HEADER = 'cko-signature';
const MAC_BYTES = 32;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const verdict = verifyHeaderMac(request, context, {
    header: HEADER,
    read: (text) => strictHex(text, MAC_BYTES),
    written: '64 hexadecimal digits',
  });
  const { authorization_token: token } = context.settings;
  if (verdict.kind !== 'authentic' || typeof token !== 'string') return verdict;
  const given = headerValues(request, 'authorization');
  // Compared as hashes: a text of another length must not answer sooner.
  if (given.length === 1 && safeEqual(sha256(given[0] ?? ''), sha256(token))) return verdict;
  return {
    kind: 'rejected',
    reason: given.length === 0 ? 'signature_missing' : 'signature_mismatch',
    detail: 'the Authorization header is not the one of authorization_token',
  };
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    // Bodies that are no JSON were sent, rightly signed (checkout-sdk-node issue 408): kept for a person, never repaired.
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const listed = listedKind(parsed);
  if (listed !== null) return { kind: 'events', events: [listedEvent(listed, parsed)] };
  const id = textAt(parsed, 'id');
  if (id === undefined) return { kind: 'unreadable', detail: 'the event has no id' };
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type: textAt(parsed, 'type') ?? 'unknown',
        apiVersion: textAt(parsed, 'version') ?? null,
        live: liveOf(textAt(parsed, '_links', 'self', 'href')),
        // Disputes name an entity, payments do not: of one account's money only half would be found under the entity.
        account: null,
        occurredAt: isoTime(textAt(parsed, 'created_on') ?? textAt(parsed, 'timestamp')) ?? null,
        // Which workflow actions ran, and how they ended, is known better with every try.
        fingerprint: () => contentFingerprint(request.body, ['action_invocations', '_links']),
      },
    ],
  };
}

/** The event's own address is the only place that tells the environment. */
function liveOf(self: string | undefined): boolean | null {
  const host = self !== undefined && URL.canParse(self) ? new URL(self).hostname : '';
  if (host.endsWith('.sandbox.checkout.com')) return false;
  return host.endsWith('.checkout.com') ? true : null;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
