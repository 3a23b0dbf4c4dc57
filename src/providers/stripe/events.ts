import { PosternError } from '../../errors.ts';
import { at, isObject, type Json, type JsonObject, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { isFetchable } from './api.ts';
import { balanceTransactionMeaning, movedBy } from './balance-transaction.ts';
import { chargeMeaning } from './charge.ts';
import { applicationFeeMeaning, feeRefundMeaning, transferMeaning } from './connect.ts';
import { disputeMeaning } from './dispute.ts';
import { evidenceReason } from './evidence.ts';
import { fetchFor, type Meaning, noEffect, parked, referencesOf, type StripeEvent, timeOf } from './fields.ts';
import { BALANCE_TRANSACTION, contextAccount } from './identify.ts';
import { intentCancelledMeaning, intentSucceededMeaning } from './payment-intent.ts';
import { payoutMeaning, topupMeaning } from './payout.ts';
import { refundMeaning } from './refund.ts';
import { invoiceMeaning, sessionMeaning } from './tax.ts';

type Rule = (event: StripeEvent) => Meaning;

/** Which rule reads which type; every type is named, because a new one may mean anything. */
const RULES: ReadonlyMap<string, Rule> = new Map([
  ...rule(chargeMeaning, 'charge', 'captured expired failed pending refunded succeeded updated'),
  ...rule(refundMeaning, 'refund', 'created updated failed'),
  ...rule(refundMeaning, 'charge.refund', 'updated'),
  ...rule(disputeMeaning, 'charge.dispute', 'created updated closed funds_withdrawn funds_reinstated'),
  ...rule(payoutMeaning, 'payout', 'created updated paid failed canceled'),
  ...rule(topupMeaning, 'topup', 'created succeeded failed canceled reversed'),
  ...rule(transferMeaning, 'transfer', 'created updated reversed paid failed'),
  ...rule(applicationFeeMeaning, 'application_fee', 'created refunded'),
  ...rule(feeRefundMeaning, 'application_fee.refund', 'updated'),
  ...rule(invoiceMeaning, 'invoice', 'paid payment_succeeded'),
  ...rule(sessionMeaning, 'checkout.session', 'completed async_payment_succeeded'),
  ...rule(intentCancelledMeaning, 'payment_intent', 'canceled'),
  ...rule(intentSucceededMeaning, 'payment_intent', 'succeeded'),
]);

function rule(meaning: Rule, family: string, names: string): [string, Rule][] {
  return names.split(' ').map((name) => [`${family}.${name}`, meaning]);
}

export function normalise(received: ReceivedEvent): Normalised {
  const body = parseExactJson(received.body);
  if (!isObject(body)) throw new PosternError('unreadable_event', 'the body is no JSON object');
  const type = textAt(body, 'type') ?? received.type;
  const fetched = received.fetched === null ? null : parseExactJson(received.fetched);
  if (textAt(body, 'object') === 'v2.core.event') return thin(body, type, fetched, received.receivedAt);
  if (textAt(body, 'object') === BALANCE_TRANSACTION) {
    const meaning = parkUnknownCurrency(() => balanceTransactionMeaning(body, received.receivedAt));
    return { references: movedBy(body), ...meaning };
  }

  const object = at(body, 'data', 'object');
  const references = isObject(object) ? referencesOf(object) : [];
  const meaning = RULES.get(type);
  if (meaning === undefined) return { references, ...withoutRule(type) };
  if (!isObject(object)) throw new PosternError('unreadable_event', `the event ${type} has no data.object`);
  const event = {
    type,
    object,
    apiVersion: textAt(body, 'api_version') ?? null,
    at: timeOf(body, 'created', received.receivedAt),
    account: textAt(body, 'account') ?? null,
    fetched,
  };
  return { references, ...parkUnknownCurrency(() => meaning(event)) };
}

/** An unknown currency is no error: the event waits until its scale is known. */
function parkUnknownCurrency(read: () => Meaning): Meaning {
  try {
    return read();
  } catch (error) {
    if (error instanceof PosternError && error.code === 'currency_unknown') return parked('currency', error.message);
    throw error;
  }
}

/**
 * A thin event says that something happened to an object, not what. Thin copies of v1 events name the snapshot event
 * that tells the rest. docs.stripe.com/event-destinations#thin-events
 */
function thin(body: JsonObject, type: string, fetched: Json | null, receivedAt: number): Normalised {
  const references = thinReferences(body);
  const twin = textAt(body, 'snapshot_event');
  if (twin !== undefined) return { references, ...noEffect(`the snapshot event ${twin.slice(0, 80)} tells the same`) };
  const name = type.startsWith('v1.') ? type.slice('v1.'.length) : type;
  const meaning = RULES.get(name);
  if (meaning === undefined) return { references, ...withoutRule(name) };
  const account = contextAccount(textAt(body, 'context') ?? null);
  if (fetched === null) {
    const kind = textAt(body, 'related_object', 'type') ?? '';
    const id = textAt(body, 'related_object', 'id');
    if (id === undefined || !isFetchable(kind))
      return { references, ...parked('adapter', 'a thin event names its object only, and none that is known') };
    return { references, ...fetchFor({ account, fetched }, kind, id, 'a thin event names its object only') };
  }
  if (!isObject(fetched)) throw new PosternError('unreadable_event', 'what Stripe answered is no object');
  const happened = isoTime(textAt(body, 'created')) ?? receivedAt;
  // The object is as it is now, and stands for what was fetched beside it as well.
  const event = { type: name, object: fetched, apiVersion: null, at: happened, account, fetched: null };
  const told = parkUnknownCurrency(() => meaning(event));
  if (told.kind !== 'fetch') return { references, ...told };
  return { references, ...parked('adapter', `${told.reason}; and what Stripe answered does not tell it either`) };
}

function thinReferences(body: JsonObject): ObjectReference[] {
  const related = at(body, 'related_object');
  const type = textAt(related, 'type');
  const id = textAt(related, 'id');
  return type === undefined || id === undefined ? [] : referencesOf({ object: type, id });
}

function withoutRule(type: string): Meaning {
  const reason = evidenceReason(type);
  return reason === undefined
    ? parked('adapter', `the event type "${type.slice(0, 80)}" is not known`)
    : noEffect(reason);
}
