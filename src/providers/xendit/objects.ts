import { createHash } from 'node:crypto';
import { type JsonObject, listAt, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { type About, references } from '../normalised.ts';
import type { ObjectReference } from '../provider.ts';
import { moneyAt } from './amount.ts';

/** What a fetched object means. */
export type Meaning = { readonly about: About } & (
  | { readonly kind: 'effects'; readonly effects: readonly PaymentEvent[] }
  | { readonly kind: 'evidence' | 'incomplete'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly status: string }
);

export function meaningOf({ kind, id }: ObjectReference, object: JsonObject, receivedAt: number): Meaning {
  switch (kind) {
    case 'invoice':
      return invoice(id, object, receivedAt);
    case 'payment':
      return payment(id, object, receivedAt);
    case 'refund':
      return refund(id, object, receivedAt);
    case 'transfer':
      return payout(id, object, receivedAt);
    default:
      return virtualAccountPayment(id, object, receivedAt);
  }
}

function timeOf(object: JsonObject, fallback: number, ...names: readonly string[]): number {
  for (const name of names) {
    const time = isoTime(textAt(object, name));
    if (time !== undefined) return time;
  }
  return fallback;
}

function statusOf(object: JsonObject): string {
  return (textAt(object, 'status') ?? '').toUpperCase();
}

function missing(about: About, what: string): Meaning {
  return { about, kind: 'incomplete', reason: `Xendit's answer has no ${what}` };
}

/** docs.xendit.co/apidocs/get-invoice: what was paid may be more than what was asked for. */
function invoice(id: string, object: JsonObject, receivedAt: number): Meaning {
  const money = moneyAt(object, 'paid_amount', 'amount');
  const about: About = {
    references: references(['payment', id], ['order', textAt(object, 'external_id')]),
    amount: money ?? null,
  };
  if (money === undefined) return missing(about, 'amount');
  const status = statusOf(object);
  switch (status) {
    case 'PAID':
    case 'SETTLED': {
      const at = timeOf(object, receivedAt, 'paid_at', 'updated', 'created');
      return {
        about,
        kind: 'effects',
        effects: [{ type: 'payment.captured', key: `${id}:captured`, at, payment: id, ...money }],
      };
    }
    case 'EXPIRED':
      return { about, kind: 'evidence', reason: 'the invoice expired, and nothing was paid' };
    case 'PENDING':
      return { about, kind: 'incomplete', reason: 'Xendit still calls the invoice unpaid' };
    default:
      return { about, kind: 'unknown', status };
  }
}

const CAPTURES_MAX = 1_000;

/** docs.xendit.co/apidocs/get-payment: where captures are listed, each of them carries its money. */
function payment(id: string, object: JsonObject, receivedAt: number): Meaning {
  const money = moneyAt(object, 'request_amount', 'amount');
  const request = textAt(object, 'payment_request_id');
  const order = textAt(object, 'reference_id');
  const about: About = {
    references: references(['payment', id], ['payment_request', request], ['order', order]),
    amount: money ?? null,
  };
  if (money === undefined) return missing(about, 'amount');
  const { currency } = money;
  const status = statusOf(object);
  const at = timeOf(object, receivedAt, 'created');
  const ended = timeOf(object, receivedAt, 'updated', 'created');
  const captured = (key: string, amount: bigint, when: number, final: boolean): PaymentEvent => {
    const authorisation = { amount, final };
    return { type: 'payment.captured', key: `${key}:captured`, at: when, payment: id, amount, currency, authorisation };
  };
  const captures: PaymentEvent[] = [];
  for (const one of listAt(object, 'captures').slice(0, CAPTURES_MAX)) {
    const part = moneyAt({ amount: textAt(one, 'capture_amount'), currency }, 'amount');
    const key = textAt(one, 'capture_id');
    if (part === undefined || key === undefined) return missing(about, 'id or amount for a capture');
    const when = isoTime(textAt(one, 'capture_timestamp')) ?? ended;
    // One capture of the whole is the payment itself, whether an answer lists it or not.
    const whole = part.amount === money.amount;
    captures.push(captured(whole ? id : key, part.amount, when, whole || status === 'SUCCEEDED'));
  }
  const authorised: PaymentEvent = { type: 'payment.authorised', key: `${id}:authorised`, at, payment: id, ...money };
  const told = { at: ended, payment: id, currency } as const;
  switch (status) {
    case 'SUCCEEDED': {
      const effects = captures.length > 0 ? captures : [captured(id, money.amount, ended, true)];
      return { about, kind: 'effects', effects };
    }
    case 'AUTHORIZED':
      return { about, kind: 'effects', effects: [authorised, ...captures] };
    case 'FAILED':
      return { about, kind: 'effects', effects: [{ type: 'payment.failed', key: `${id}:failed`, ...told }] };
    case 'CANCELED':
    case 'CANCELLED':
    case 'EXPIRED':
      return { about, kind: 'effects', effects: [{ type: 'payment.cancelled', key: `${id}:cancelled`, ...told }] };
    case 'PENDING':
      return { about, kind: 'incomplete', reason: 'Xendit still calls the payment pending' };
    default:
      return { about, kind: 'unknown', status };
  }
}

/** A paid virtual account is there once it was paid; it has no status. */
function virtualAccountPayment(id: string, object: JsonObject, receivedAt: number): Meaning {
  const money = moneyAt(object, 'amount');
  const order = textAt(object, 'external_id');
  const about: About = { references: references(['payment', id], ['order', order]), amount: money ?? null };
  if (money === undefined) return missing(about, 'amount');
  const at = timeOf(object, receivedAt, 'transaction_timestamp', 'created');
  return {
    about,
    kind: 'effects',
    effects: [{ type: 'payment.captured', key: `${id}:captured`, at, payment: id, ...money }],
  };
}

const REFUNDS: ReadonlyMap<string, 'refund.created' | 'refund.succeeded' | 'refund.failed'> = new Map([
  ['PENDING', 'refund.created'],
  ['SUCCEEDED', 'refund.succeeded'],
  ['FAILED', 'refund.failed'],
  ['CANCELLED', 'refund.failed'],
]);

function refund(id: string, object: JsonObject, receivedAt: number): Meaning {
  const money = moneyAt(object, 'amount');
  const payment = textAt(object, 'payment_id') ?? textAt(object, 'invoice_id');
  const about: About = { references: references(['refund', id], ['payment', payment]), amount: money ?? null };
  if (money === undefined) return missing(about, 'amount');
  const status = statusOf(object);
  const type = REFUNDS.get(status);
  if (type === undefined) return { about, kind: 'unknown', status };
  const at =
    type === 'refund.created'
      ? timeOf(object, receivedAt, 'created')
      : timeOf(object, receivedAt, 'updated', 'created');
  const key = `${id}:${type.slice('refund.'.length)}`;
  const of = payment === undefined ? {} : { payment };
  return { about, kind: 'effects', effects: [{ type, key, at, refund: id, ...of, ...money }] };
}

/** To anybody's bank account. "SUCCEEDED may become REVERSED": docs.xendit.co/docs/payout-tracking */
function payout(id: string, object: JsonObject, receivedAt: number): Meaning {
  const money = moneyAt(object, 'amount');
  const about: About = { references: references(['transfer', id]), amount: money ?? null };
  const seller = payeeOf(object);
  if (money === undefined || seller === undefined) return missing(about, 'amount or account it went to');
  const status = statusOf(object);
  const told = { transfer: id, seller, ...money };
  const at = timeOf(object, receivedAt, 'created');
  const created: PaymentEvent = { type: 'transfer.created', key: `${id}:created`, at, ...told };
  switch (status) {
    case 'SUCCEEDED':
      return { about, kind: 'effects', effects: [created] };
    case 'REVERSED': {
      const back = timeOf(object, receivedAt, 'updated', 'created');
      return {
        about,
        kind: 'effects',
        effects: [created, { type: 'transfer.reversed', key: `${id}:reversed`, at: back, ...told }],
      };
    }
    case 'FAILED':
    case 'CANCELLED':
    case 'EXPIRED':
    case 'COMPLIANCE_REJECTED':
      return { about, kind: 'evidence', reason: 'the payout did not go out' };
    case 'ACCEPTED':
    case 'REQUESTED':
    case 'READY':
    case 'LOCKED':
    case 'PENDING_COMPLIANCE_ASSESSMENT':
      return { about, kind: 'evidence', reason: 'the payout is under way' };
    default:
      return { about, kind: 'unknown', status };
  }
}

/** A name made of the bank account, which itself belongs in no ledger path. */
function payeeOf(object: JsonObject): string | undefined {
  const account = textAt(object, 'channel_properties', 'account_number');
  if (account === undefined) return undefined;
  const bank = textAt(object, 'channel_code') ?? '';
  return `bank-${createHash('sha256').update(`${bank}/${account}`).digest('hex').slice(0, 16)}`;
}
