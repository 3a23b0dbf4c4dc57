import { at, isObject, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { PaymentEvent, Payout } from '../../payment-event.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { Normalised, ObjectReference, ReceivedEvent } from '../provider.ts';
import { type DisputeMeaning, disputeMeaning } from './disputes.ts';
import { isListed, isSettledInParts, type ListedKind } from './listed-object.ts';
import { moneyOf } from './money.ts';
import { type Notification, notificationOf, readPayload } from './notification.ts';
import { timeOf } from './times.ts';
import { isRefund, refundedPayment, type Told, transactionMeaning } from './transactions.ts';

/** Kinds that move no money that a transaction, dispute or disbursement does not tell. */
const EVIDENCE =
  /^(?:account_updater|connected_merchant|granted_payment|grantor_updated|recipient_updated|oauth_access|partner_merchant|payment_method|sub_merchant_account|subscription|transaction_reviewed)(?:_|$)/;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const payload = readPayload(event.body);
  if (isListed(payload.name)) return ofListed(payload.name, payload.value, event);
  const notification = notificationOf(payload);
  const { kind, subject, about: name } = notification;
  const toldAt = timeOf(notification.timestamp) ?? event.receivedAt;
  const about: About = { references: referencesOf(notification), amount: null };
  return parkingUnknownCurrency(about.references, () => {
    switch (kind) {
      case 'check':
        return noEffect(about, 'a test of this address by Braintree');
      case 'transaction_settled':
      case 'transaction_settlement_declined':
      case 'transaction_disbursed':
      case 'transaction_retried':
      case 'refund_failed':
      case 'local_payment_funded': {
        const told = { at: toldAt, disbursed: kind === 'transaction_disbursed', refund: kind === 'refund_failed' };
        const transaction = name === 'transaction' ? subject : at(subject, 'transaction');
        return ofTransaction(about, fetchedTransaction(event) ?? transaction, told, event);
      }
      case 'local_payment_completed':
        return localPaymentCompleted(about, at(subject, 'transaction'), toldAt, event);
      case 'local_payment_reversed':
        return noEffect(about, 'the payer has the money back; no transaction was made of this local payment');
      case 'local_payment_expired':
        return noEffect(about, 'the payer did not pay in time: no money moved');
      case 'subscription_charged_successfully':
      case 'subscription_charged_unsuccessfully':
        return ofSubscription(about, subject, toldAt, event);
      case 'disbursement':
      case 'disbursement_exception':
        return ofDisbursement(about, subject, toldAt);
      default:
        if (name === 'dispute' && kind.startsWith('dispute_')) return ofDispute(about, disputeMeaning(subject, toldAt));
        return EVIDENCE.test(kind)
          ? noEffect(about, `evidence: ${kind} moves no money of its own`)
          : unknownType(about, kind);
    }
  });
}

/** An object that was searched for, told as its notification would tell it. */
function ofListed(name: ListedKind, subject: Json, event: ReceivedEvent): Normalised {
  const tree = { kind: 'listed', timestamp: undefined, merchant: undefined, about: name, subject, tree: {} };
  const about: About = { references: referencesOf(tree), amount: null };
  return parkingUnknownCurrency(about.references, () => {
    if (name === 'dispute') return ofDispute(about, disputeMeaning(subject, event.receivedAt));
    if (isSettledInParts(subject)) return noEffect(about, 'evidence: settled in parts, each a transaction of its own');
    return ofTransaction(about, subject, { at: event.receivedAt, disbursed: false, refund: false }, event);
  });
}

function referencesOf({ kind, about, subject }: Notification): ObjectReference[] {
  const transaction = about === 'transaction' ? subject : at(subject, 'transaction');
  const transactionId = textAt(transaction, 'id') ?? textAt(subject, 'transaction-id');
  const refund = isRefund(transaction, { refund: kind === 'refund_failed' });
  const isPayment = about !== 'transaction' || !refund;
  return references(
    [about === '' ? 'notification' : about, about === 'transaction' ? undefined : textAt(subject, 'id')],
    [isPayment ? 'payment' : 'refund', transactionId],
    ['payment', refundedPayment(transaction)],
    ['order', textAt(transaction, 'order-id')],
    ['local_payment', textAt(subject, 'payment-id')],
  );
}

/** What the processor told when it was asked: `{"transaction":{…}}`. */
function fetchedTransaction({ fetched }: ReceivedEvent): Json | undefined {
  return fetched === null ? undefined : at(parseExactJson(fetched), 'transaction');
}

function ofTransaction(about: About, transaction: Json | undefined, told: Told, event: ReceivedEvent): Normalised {
  const meaning = transactionMeaning(transaction, told);
  switch (meaning.kind) {
    case 'effects': {
      const known: About = { ...about, amount: meaning.amount };
      const status = textAt(transaction, 'status') ?? 'unknown';
      return meaning.effects.length === 0
        ? noEffect(known, `evidence: a transaction in status ${status.slice(0, 40)} moves no money`)
        : effectsOf(known, meaning.effects);
    }
    case 'unknown':
      return unknownStatus(about, 'transaction', meaning.status);
    case 'incomplete': {
      const id = textAt(transaction, 'id');
      if (id === undefined || event.fetched !== null)
        return deferredFor(about, 'object', 'the transaction has no id, status, amount or currency');
      return fetchFirst(about, { kind: 'transaction', id }, 'the notification names the transaction incompletely');
    }
  }
}

/** Paid by the payer; the merchant has still to make a transaction of it, unless Braintree did. */
function localPaymentCompleted(
  about: About,
  transaction: Json | undefined,
  toldAt: number,
  event: ReceivedEvent,
): Normalised {
  const found = fetchedTransaction(event) ?? transaction;
  if (!isObject(found))
    return noEffect(about, 'evidence: the payer has paid; a transaction has still to be made of it');
  return ofTransaction(about, found, { at: toldAt, disbursed: false, refund: false }, event);
}

const TRANSACTIONS_MAX = 200;

/**
 * The list is the subscription's history, newest first. Only the newest is what this notification is about: the older
 * ones were told in their time, or before these books began. Where one of them was taken back since, that is posted,
 * because of card payments nothing else tells it.
 */
function ofSubscription(about: About, subscription: Json, toldAt: number, event: ReceivedEvent): Normalised {
  const [newest, ...older] = listAt(subscription, 'transactions').slice(0, TRANSACTIONS_MAX);
  if (newest === undefined) return noEffect(about, 'evidence: the subscription tells no transaction');
  const told: Told = { at: toldAt, disbursed: false, refund: false };
  const known: About = {
    ...about,
    references: [...about.references, ...references(['payment', textAt(newest, 'id')])],
  };
  const meaning = ofTransaction(known, fetchedTransaction(event) ?? newest, told, event);
  const reversals = older.flatMap((one) => reversalsOf(one, told));
  if (reversals.length === 0 || (meaning.kind !== 'effects' && meaning.kind !== 'no_effect')) return meaning;
  const effects = meaning.kind === 'effects' ? meaning.effects : [];
  return effectsOf({ references: meaning.references, amount: meaning.amount }, [...effects, ...reversals]);
}

function reversalsOf(transaction: Json, told: Told): PaymentEvent[] {
  const meaning = transactionMeaning(transaction, told);
  return meaning.kind === 'effects' ? meaning.effects.filter(({ type }) => type === 'payment.reversed') : [];
}

function ofDispute(about: About, meaning: DisputeMeaning): Normalised {
  switch (meaning.kind) {
    case 'effects':
      return effectsOf({ ...about, amount: meaning.amount }, meaning.effects);
    case 'no_money':
      return noEffect(about, meaning.reason);
    case 'unknown':
      return unknownStatus(about, 'dispute', meaning.status);
    case 'incomplete':
      return deferredFor(about, 'object', 'the dispute has no id, status, amount or currency');
  }
}

/** One a day and merchant account: what leaves Braintree's bank today. developer.paypal.com "Disbursement" */
function ofDisbursement(about: About, disbursement: Json, toldAt: number): Normalised {
  const account = at(disbursement, 'merchant-account');
  if (textAt(account, 'sub-merchant-account') === 'true')
    return noEffect(about, "evidence: paid to a sub-merchant's bank, not to ours");
  const id = textAt(disbursement, 'id');
  const success = textAt(disbursement, 'success');
  const money = moneyOf(textAt(disbursement, 'amount'), textAt(account, 'currency-iso-code'));
  if (id === undefined || money === undefined || (success !== 'true' && success !== 'false'))
    return deferredFor(about, 'object', 'the disbursement has no id, amount, currency or success');
  const date = textAt(disbursement, 'disbursement-date');
  // A second attempt must be a payout of its own: under the failed one's reference it would be taken for its copy.
  const payout = textAt(disbursement, 'retry') === 'true' ? `${id}@${date ?? toldAt}` : id;
  const debit = textAt(disbursement, 'disbursement-type') === 'debit' && money.amount > 0n;
  const amount = debit ? -money.amount : money.amount;
  const what = success === 'true' ? 'created' : 'failed';
  const effect: Payout = {
    type: `payout.${what}`,
    key: `${payout}:${what}`,
    at: timeOf(date) ?? toldAt,
    payout,
    amount,
    currency: money.currency,
  };
  return effectsOf({ ...about, amount: { amount, currency: money.currency } }, [effect]);
}

function unknownStatus(about: About, what: string, status: string): Normalised {
  return deferredFor(about, 'adapter', `the adapter does not know the ${what} status "${status.slice(0, 40)}"`);
}
