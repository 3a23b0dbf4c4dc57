import { at, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
} from '../normalised.ts';
import type { Normalised, ReceivedEvent } from '../provider.ts';
import { moneyAt } from './currency.ts';
import { disputeEffects } from './disputes.ts';
import { statusOf } from './listed-object.ts';
import { isPayout } from './told.ts';

const ACTIONS_MAX = 500;

/** A listed payment means what its actions say, under the ids that its events name; `fetched` are they. */
export function listedPaymentMeaning(payment: Json, event: ReceivedEvent): Normalised {
  const id = textAt(payment, 'id') ?? '';
  const about: About = {
    references: references(['payment', id], ['order', textAt(payment, 'reference')]),
    amount: null,
  };
  if (isPayout(payment))
    return deferredFor(about, 'adapter', 'a payment to somebody is listed, which the adapter does not know');
  if (event.fetched === null)
    return fetchFirst(about, { kind: 'payment', id }, 'only its actions tell what was captured and refunded');
  const actions = parseExactJson(event.fetched);
  if (!Array.isArray(actions))
    return deferredFor(about, 'object', 'Checkout.com did not answer with a list of actions');
  return parkingUnknownCurrency(about.references, () => ofActions(payment, id, actions, about, event.receivedAt));
}

type Action = { readonly id: string; readonly type: string; readonly at: number; readonly money: Money };

function ofActions(payment: Json, id: string, listed: readonly Json[], about: About, receivedAt: number): Normalised {
  const actions: Action[] = [];
  const refused: Action[] = [];
  for (const one of listed.slice(0, ACTIONS_MAX)) {
    const type = (textAt(one, 'type') ?? '').toLowerCase();
    if (NO_MONEY.has(type)) continue;
    const [action, currency] = [textAt(one, 'id'), textAt(payment, 'currency')];
    const money = moneyAt({ amount: textAt(one, 'amount'), currency });
    if (!KNOWN.has(type))
      return deferredFor(about, 'adapter', `the adapter does not know the action "${type.slice(0, 40)}"`);
    if (action === undefined || money === undefined)
      return deferredFor(about, 'object', `the ${type} of the payment has no id, amount or currency`);
    const told = { id: action, type, at: isoTime(textAt(one, 'processed_on')) ?? receivedAt, money };
    // Without a word on it the action is under way: its end makes another state of the payment, or is told by webhook.
    if (at(one, 'approved') === true) actions.push(told);
    else if (at(one, 'approved') === false) refused.push(told);
  }
  actions.sort((a, b) => a.at - b.at);
  const status = statusOf(payment);
  const captures = actions.filter(({ type }) => type === 'capture');
  if (captures.length === 0 && /captured|refunded/.test(status))
    return deferredFor(about, 'object', `the payment is ${status}, but no capture of it is listed`);
  const total = moneyAt(payment) ?? null;
  const effects = [...paymentEffects(payment, id, status, actions), ...refused.flatMap((one) => refundFailed(id, one))];
  const known = { ...about, amount: total };
  return effects.length === 0
    ? noEffect(known, `evidence: a payment that is ${status} moved no money`)
    : effectsOf(known, effects);
}

const KNOWN: ReadonlySet<string> = new Set(['authorization', 'capture', 'refund', 'void', 'return']);
const NO_MONEY: ReadonlySet<string> = new Set(['authentication', 'card verification', 'dispute']);

/** As payments.ts posts of the same actions' events. */
function paymentEffects(payment: Json, id: string, status: string, actions: readonly Action[]): PaymentEvent[] {
  const left = textAt(payment, 'balances', 'available_to_capture') ?? '0';
  const lastCapture = actions.findLast(({ type }) => type === 'capture');
  const authorised = actions.find(({ type }) => type === 'authorization');
  const effects = actions.flatMap((action): PaymentEvent[] => {
    const { id: key, at: time, money } = action;
    const { amount } = money;
    switch (action.type) {
      case 'authorization':
        // What came after the first made it larger, which captures tell (`payment_authorization_incremented`).
        return action === authorised
          ? [{ type: 'payment.authorised', key: `${id}:authorised`, at: time, payment: id, ...money }]
          : [];
      case 'capture': {
        const authorisation = { amount, final: left === '0' && action === lastCapture };
        return [{ type: 'payment.captured', key: `${key}:captured`, at: time, payment: id, ...money, authorisation }];
      }
      case 'refund':
        return [{ type: 'refund.succeeded', key: `${key}:succeeded`, at: time, refund: key, payment: id, ...money }];
      case 'return':
        return [{ type: 'payment.reversed', key: `${key}:returned`, at: time, payment: id, ...money }];
      default:
        return [];
    }
  });
  const voided = actions.findLast(({ type }) => type === 'void');
  if ((voided !== undefined && left === '0') || ENDED.has(status)) {
    const last = voided ?? actions.at(-1);
    const currency = textAt(payment, 'currency');
    if (last !== undefined && currency !== undefined)
      effects.push({ type: 'payment.cancelled', key: `${id}:cancelled`, at: last.at, payment: id, currency });
  }
  return effects;
}

const ENDED: ReadonlySet<string> = new Set(['voided', 'canceled', 'expired']);

function refundFailed(payment: string, { type, id, at: time, money }: Action): PaymentEvent[] {
  if (type !== 'refund') return [];
  return [{ type: 'refund.failed', key: `${id}:failed`, at: time, refund: id, payment, ...money }];
}

/** What the last event of a dispute in this state was. api-reference.checkout.com "Get disputes" */
const LAST_EVENT: Readonly<Record<string, string>> = {
  received: 'dispute_received',
  evidence_required: 'dispute_evidence_required',
  evidence_under_review: 'dispute_evidence_submitted',
  arbitration_under_review: 'dispute_arbitration_evidence_submitted',
  won: 'dispute_won',
  arbitration_won: 'dispute_arbitration_won',
  canceled: 'dispute_canceled',
  lost: 'dispute_lost',
  arbitration_lost: 'dispute_arbitration_lost',
  expired: 'dispute_expired',
  accepted: 'dispute_accepted',
  resolved: 'dispute_resolved',
};

export function listedDisputeMeaning(dispute: Json, receivedAt: number): Normalised {
  const status = statusOf(dispute);
  const about: About = {
    references: references(
      ['dispute', textAt(dispute, 'id')],
      ['payment', textAt(dispute, 'payment_id')],
      ['order', textAt(dispute, 'payment_reference')],
    ),
    amount: null,
  };
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(dispute);
    if (money === undefined) return deferredFor(about, 'object', 'the dispute has no amount or currency');
    const known = { ...about, amount: money };
    const type = Object.hasOwn(LAST_EVENT, status) ? LAST_EVENT[status] : undefined;
    const at = isoTime(textAt(dispute, 'last_update')) ?? receivedAt;
    const effects = type === undefined ? undefined : disputeEffects({ type, data: dispute, at, money });
    if (effects === undefined)
      return deferredFor(known, 'adapter', `the adapter does not know the dispute status "${status.slice(0, 40)}"`);
    return effects.length === 0
      ? noEffect(known, `evidence: a dispute that is ${status} moves no money`)
      : effectsOf(known, effects);
  });
}
