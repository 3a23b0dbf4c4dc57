import { createHash } from 'node:crypto';
import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { isoTime } from '../iso-time.ts';
import type { Identification, RejectReason, Verdict, VerifyContext, WebhookRequest } from '../provider.ts';
import { headerValues, hmac, safeEqual } from '../signature.ts';
import { listedEvent, listedKind } from './listed-object.ts';

/*
 * x-paystack-signature: hex HMAC-SHA512 of the raw body, keyed with the API's secret key, of which live and test mode have
 * one each. paystack.com/docs/payments/webhooks/#verify-event-origin
 */
const HEADER = 'x-paystack-signature';
const HEX_MAC = /^[0-9a-f]{128}$/;

export function verify(request: WebhookRequest, context: VerifyContext): Verdict {
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no secret key that is valid now');
  const [header, second] = headerValues(request, HEADER);
  if (header === undefined) return rejected('signature_missing', `there is no ${HEADER} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${HEADER} headers`);
  if (!HEX_MAC.test(header)) return rejected('signature_malformed', 'the signature is not 128 hex digits');
  const given = Buffer.from(header, 'hex');
  const match = secrets.find(({ secret }) => safeEqual(given, hmac('sha512', secret, request.body)));
  if (match === undefined) {
    return rejected('signature_mismatch', 'the signature fits no secret key: another key or mode, or a changed body');
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

export function identify(request: WebhookRequest): Identification {
  let parsed: Json;
  try {
    parsed = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  const listed = listedKind(parsed);
  const object = listed === null ? null : listedEvent(listed, parsed);
  if (object !== null) return { kind: 'events', events: [object] };
  const type = textAt(parsed, 'event');
  if (type === undefined) return { kind: 'unreadable', detail: 'the body names no event' };
  const domain = textAt(parsed, 'data', 'domain');
  const time = ['paid_at', 'updated_at', 'created_at'].map((name) => isoTime(textAt(parsed, 'data', name)));
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: compositeId(parsed, type, request.body),
        // Paystack numbers no events. What else differs under these parts (two refunds that have no reference yet) is
        // another event and no forgery.
        idSigned: false,
        transmissionId: null,
        type,
        apiVersion: null,
        live: domain === 'live' ? true : domain === 'test' ? false : null,
        // `integration` is told by some events only: an account taken from it would be two.
        account: null,
        occurredAt: time.find((one) => one !== undefined) ?? null,
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}

const NAMES = ['id', 'reference', 'transfer_code', 'subscription_code', 'invoice_code', 'customer_code'];

/** The event, the object and the status it reached. */
function compositeId(body: Json, type: string, bytes: Buffer): string {
  const refund = [textAt(body, 'data', 'transaction_reference'), textAt(body, 'data', 'refund_reference')];
  const named = NAMES.map((name) => textAt(body, 'data', name)).find((one) => one !== undefined);
  const object = named ?? refund.filter((one) => one !== undefined).join('/');
  const about = object === '' ? createHash('sha256').update(bytes).digest('hex').slice(0, 32) : object;
  return [type, about, textAt(body, 'data', 'status') ?? ''].join(':');
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
