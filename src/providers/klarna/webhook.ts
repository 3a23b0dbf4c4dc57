import { messageOf } from '../../errors.ts';
import { at, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { verifyHeaderMac } from '../header-mac.ts';
import { isoTime } from '../iso-time.ts';
import { keyedSecret } from '../keyed-secret.ts';
import { hexOrBase64 } from '../mac-text.ts';
import type { Identification, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues } from '../signature.ts';
import { isTransaction, transactionEvent } from './listed-transaction.ts';

/*
 * Klarna-Signature: HMAC-SHA256 of the raw body with the signing key that Klarna-Signing-Key-Id names. Klarna's own
 * plugins write it in hexadecimal, its document does not say. The `push` and `notification_url` calls of older products
 * are not signed at all, and are not taken. docs.klarna.com, "Set up your webhooks"
 */
export const HEADER = 'klarna-signature';
export const KEY_ID = 'klarna-signing-key-id';
const MAC_BYTES = 32;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const [named, second] = headerValues(request, KEY_ID);
  const all = context.secrets.map(({ id, secret }) => ({ id, ...keyedSecret(secret) })).filter(({ key }) => key !== '');
  // The key id is not signed: it only says which of our keys to try, and of two ids which would be anybody's choice.
  const asked = all.filter(({ keyId }) => keyId === null || (keyId === named && second === undefined));
  const secrets = asked.map(({ id, key }) => ({ id, secret: key }));
  const verdict = verifyHeaderMac(
    request,
    { ...context, secrets },
    {
      header: HEADER,
      read: (text) => hexOrBase64(text, MAC_BYTES),
      written: '32 bytes in hexadecimal or base64',
    },
  );
  if (secrets.length > 0 || all.length === 0) return verdict;
  return headerValues(request, HEADER).length === 0
    ? { kind: 'rejected', reason: 'signature_missing', detail: `there is no ${HEADER} header` }
    : {
        kind: 'rejected',
        reason: 'signature_mismatch',
        detail: `the endpoint has no key with the id ${(named ?? 'none').slice(0, 200)}`,
      };
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (isTransaction(parsed)) return { kind: 'events', events: [transactionEvent(parsed)] };
  const id = textAt(parsed, 'metadata', 'event_id');
  if (id === undefined) return { kind: 'unreadable', detail: 'the event has no metadata.event_id' };
  const live = at(parsed, 'metadata', 'live');
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        idSigned: true,
        transmissionId: null,
        type: textAt(parsed, 'metadata', 'event_type') ?? 'unknown',
        apiVersion: textAt(parsed, 'metadata', 'event_version') ?? null,
        live: typeof live === 'boolean' ? live : null,
        account: accountOf(parsed),
        occurredAt: isoTime(textAt(parsed, 'metadata', 'occurred_at')) ?? null,
        fingerprint: () => fingerprintOf(parsed),
      },
    ],
  };
}

/** "krn:partner:global:account:live:LWT2XJSE" is the account LWT2XJSE: a colon would blur where an account ends. */
function accountOf(parsed: Json): string | null {
  const named = textAt(parsed, 'metadata', 'subject_account_id') ?? textAt(parsed, 'metadata', 'merchant_id');
  return named === undefined ? null : named.slice(named.lastIndexOf(':') + 1) || null;
}

/** Correlation and webhook ids are of the delivery. */
function fingerprintOf(parsed: Json): Buffer {
  const [type, occurred] = ['event_type', 'occurred_at'].map((name) => at(parsed, 'metadata', name));
  return contentFingerprint(Buffer.from(JSON.stringify({ type, occurred, payload: at(parsed, 'payload') })), []);
}
