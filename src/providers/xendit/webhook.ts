import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, safeEqual } from '../signature.ts';
import { isTransaction, transactionEvent } from './listed-transaction.ts';
import { readTold } from './told.ts';

/*
 * x-callback-token is the verification token itself, in clear: it says who sends, and nothing of the body or of webhook-id
 * is bound to it. docs.xendit.co/docs/handling-webhooks
 */
const TOKEN = 'x-callback-token';
const EVENT_ID = 'webhook-id';

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no verification token that is valid now');
  const [header, second] = headerValues(request, TOKEN);
  if (header === undefined) return rejected('signature_missing', `there is no ${TOKEN} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${TOKEN} headers`);
  const given = digest(header);
  const match = secrets.find(({ secret }) => safeEqual(given, digest(secret)));
  if (match === undefined) return rejected('signature_mismatch', `the ${TOKEN} fits no verification token`);
  return { kind: 'authentic', level: 'token', secretId: match.id };
}

/** Tokens have lengths of their own: compared as hashes, even that takes the same time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (isTransaction(parsed)) return { kind: 'events', events: [transactionEvent(parsed)] };
  const told = readTold(parsed);
  const [eventId] = headerValues(request, EVENT_ID);
  const id = eventId === undefined || eventId === '' ? compositeId(parsed) : eventId;
  if (told === null || id === undefined) {
    return { kind: 'unreadable', detail: 'the body is no event of Xendit’s: it has neither an event nor an object' };
  }
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id,
        // A header, and nothing signs it: whoever has the token can send any body under any id.
        idSigned: false,
        transmissionId: null,
        type: told.type,
        apiVersion: null,
        // Test and live mode have tokens of their own; an event does not say which it is.
        live: null,
        // business_id and user_id name it, but nothing proves them: they must not choose whose books are kept.
        account: null,
        occurredAt:
          isoTime(textAt(parsed, 'created') ?? textAt(parsed, 'updated') ?? textAt(parsed, 'paid_at')) ?? null,
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

/** Where a proxy dropped webhook-id: what happened to which object. */
export function compositeId(body: Json): string | undefined {
  const told = readTold(body);
  if (told === null) return undefined;
  const object = told.object?.id ?? textAt(told.fields, 'id') ?? '';
  return [told.type, object, textAt(told.fields, 'status') ?? ''].join(':');
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
