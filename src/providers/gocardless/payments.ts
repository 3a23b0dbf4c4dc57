import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { deferredFor, effectsOf, fetchFirst, noEffect, parkingUnknownCurrency, unknownType } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { aboutOf, assertAbout, eventOf, type GocardlessEvent, moneyAt } from './resource.ts';

/*
 * A direct debit is collected, may fail afterwards ("late failure"), be submitted again under the same id and collected
 * again, be charged back, and the chargeback be cancelled. The payment tells its present status only, and an event not
 * whether there was money to take back: `failed` is the same event before and after `confirmed`. So the payment is
 * fetched together with the list of its events, and what is posted is what that list says from its beginning on. Every
 * event of a payment then posts a longer piece of one and the same story, in whatever order they come. A chargeback's
 * reference is the payment: the items of a payout name nothing else.
 * developer.gocardless.com/api-reference/#events-payment-actions
 */
const NO_MONEY = new Set([
  'created',
  'customer_approval_granted',
  'customer_approval_denied',
  'submitted',
  'cancelled',
  'resubmission_requested',
  'sds_settlement_delayed',
  // Told without an amount; the payout's items have them.
  'surcharge_fee_debited',
  'surcharge_fee_credited',
]);

type Step =
  | 'collected'
  | 'failed'
  | 'charged_back'
  | 'chargeback_cancelled'
  | 'late_failure_settled'
  | 'chargeback_settled';

const BY_ACTION: ReadonlyMap<string, Step> = new Map([
  ['confirmed', 'collected'],
  ['paid_out', 'collected'],
  ['failed', 'failed'],
  ['charged_back', 'charged_back'],
  ['chargeback_cancelled', 'chargeback_cancelled'],
  ['late_failure_settled', 'late_failure_settled'],
  ['chargeback_settled', 'chargeback_settled'],
]);

/** What an action of tomorrow means as long as its cause is one we know; the action goes first, because a cancelled chargeback's cause is `payment_confirmed`. */
const BY_CAUSE: ReadonlyMap<string, Step> = new Map([
  ['payment_confirmed', 'collected'],
  ['payment_paid_out', 'collected'],
  ['late_failure_settled', 'late_failure_settled'],
  ['chargeback_settled', 'chargeback_settled'],
]);

function stepOf({ action, cause }: GocardlessEvent): Step | undefined {
  return BY_ACTION.get(action) ?? (NO_MONEY.has(action) ? undefined : BY_CAUSE.get(cause));
}

export function payment(event: GocardlessEvent, fetched: Buffer | null): Normalised {
  const about = aboutOf(event);
  if (NO_MONEY.has(event.action))
    return noEffect(about, `evidence: payment ${event.action} (${event.cause}) moves no money`);
  if (stepOf(event) === undefined) return unknownType(about, `payments.${event.action}`);
  const id = textAt(event.entry, 'links', 'payment');
  if (id === undefined) return deferredFor(about, 'object', 'the event names no payment');
  if (fetched === null) {
    return fetchFirst(
      about,
      { kind: 'payment', id },
      'the event names its payment only: amount and history are fetched',
    );
  }
  const answer = parseExactJson(fetched);
  const told = at(answer, 'payment', 'payments');
  assertAbout(told, id);
  if (textAt(answer, 'history', 'meta', 'cursors', 'after') !== undefined) {
    return deferredFor(about, 'object', 'the payment has more events than one page of them');
  }
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(told);
    const effects = effectsOfHistory(id, money, historyOf(id, event, listAt(answer, 'history', 'events')));
    const known = { ...about, amount: money };
    return effects.length === 0
      ? noEffect(known, `the payment ${event.action} (${event.cause}) before any money was collected`)
      : effectsOf(known, effects);
  });
}

/** The payment's own events, oldest first, with this one, which a list read an instant too early may still lack. */
function historyOf(id: string, event: GocardlessEvent, list: readonly Json[]): readonly GocardlessEvent[] {
  // The list comes newest first; sorting keeps the order of what happened in one millisecond.
  const events = list
    .toReversed()
    .map((entry) => eventOf(entry, event.at))
    .filter((one) => one.resource === 'payments' && textAt(one.entry, 'links', 'payment') === id);
  if (!events.some((one) => one.id === event.id)) events.push(event);
  return events.sort((a, b) => a.at - b.at);
}

function effectsOfHistory(id: string, money: Money, history: readonly GocardlessEvent[]): PaymentEvent[] {
  const effects: PaymentEvent[] = [];
  let collections = 0;
  let collected = false;
  let chargebacks = 0;
  let charged = false;

  const collect = (when: number): void => {
    collections += 1;
    collected = true;
    effects.push({ type: 'payment.captured', key: nth(id, 'captured', collections), at: when, payment: id, ...money });
  };
  const giveBack = (when: number): void => {
    collected = false;
    effects.push({ type: 'payment.reversed', key: nth(id, 'reversed', collections), at: when, payment: id, ...money });
  };
  const chargeBack = (when: number): void => {
    // What is charged back was collected, also where the list no longer reaches back to it.
    if (collections === 0) collect(when);
    chargebacks += 1;
    charged = true;
    effects.push({
      type: 'dispute.withdrawn',
      key: nth(id, 'charged_back', chargebacks),
      at: when,
      dispute: id,
      ...money,
    });
  };

  for (const event of history) {
    switch (stepOf(event)) {
      case 'collected':
        if (!collected) collect(event.at);
        break;
      case 'failed':
        if (collected) giveBack(event.at);
        break;
      case 'late_failure_settled':
        // Tells the payout it was taken from. It may come after the payment was collected once more, so that it takes
        // back nothing of its own, unless the list lacks the failure.
        if (collections === 0) collect(event.at);
        if (collected && !history.some((one) => one.action === 'failed')) giveBack(event.at);
        break;
      case 'charged_back':
        if (!charged) chargeBack(event.at);
        break;
      case 'chargeback_settled':
        if (chargebacks === 0) chargeBack(event.at);
        break;
      case 'chargeback_cancelled':
        if (chargebacks === 0) chargeBack(event.at);
        if (charged) {
          charged = false;
          const key = nth(id, 'chargeback_cancelled', chargebacks);
          effects.push({ type: 'dispute.reinstated', key, at: event.at, dispute: id, ...money });
        }
        break;
      default:
        break;
    }
  }
  return effects;
}

function nth(id: string, effect: string, n: number): string {
  return n === 1 ? `${id}:${effect}` : `${id}:${effect}:${n}`;
}
