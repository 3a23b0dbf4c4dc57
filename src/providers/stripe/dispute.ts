import { at, isObject, type JsonObject, listAt, textAt } from '../../exact-json.ts';
import type { Dispute, PaymentEvent } from '../../payment-event.ts';
import { stripeCurrency } from './currency.ts';
import { feeOf } from './fee.ts';
import { amountOf, fetchFor, type Meaning, noEffect, required, type StripeEvent, timeOf } from './fields.ts';

/**
 * charge.dispute.*: each balance transaction listed is a movement, whatever event lists it, in the currency it moved in.
 * Keyed by the movement: a dispute may be withdrawn, reinstated and withdrawn again. docs.stripe.com/api/disputes/object
 */
export function disputeMeaning(event: StripeEvent): Meaning {
  const dispute = event.object;
  const id = required(dispute, 'id');
  const currency = stripeCurrency(required(dispute, 'currency'));
  const about = { amount: { amount: amountOf(dispute, 'amount', currency), currency: currency.code } };
  const told = event.fetched ?? dispute;
  const entries = listAt(told, 'balance_transactions').filter(isObject);

  const effects = entries.flatMap((txn) => movement(txn, id, event.at));
  const status = textAt(dispute, 'status');
  if (event.type === 'charge.dispute.closed' && status === 'lost') {
    const loss = lossOf(effects) ?? about.amount;
    if (loss.amount > 0n) effects.push({ type: 'dispute.lost', key: `${id}:lost`, at: event.at, dispute: id, ...loss });
  }
  if (effects.length > 0) return { ...about, kind: 'effects', effects };
  const moves = event.type === 'charge.dispute.funds_withdrawn' || event.type === 'charge.dispute.funds_reinstated';
  if (moves && !Array.isArray(at(told, 'balance_transactions'))) {
    return fetchFor(event, 'dispute', id, 'money moved, but the event does not list the movement', about.amount);
  }
  return { ...noEffect(reasonWithoutMoney(status)), ...about };
}

function movement(txn: JsonObject, dispute: string, fallback: number): PaymentEvent[] {
  const key = required(txn, 'id');
  const currency = stripeCurrency(required(txn, 'currency'));
  const amount = amountOf(txn, 'amount', currency);
  const base = { at: timeOf(txn, 'created', fallback), dispute, currency: currency.code };
  const moved: Dispute[] =
    amount < 0n
      ? [{ type: 'dispute.withdrawn', key: `${key}:withdrawn`, amount: -amount, ...base }]
      : amount > 0n
        ? [{ type: 'dispute.reinstated', key: `${key}:reinstated`, amount, ...base }]
        : [];
  return [...moved, ...feeOf(txn, dispute, 'dispute', fallback)];
}

/** Withdrawn less reinstated as listed; undefined where nothing is listed, or in several currencies. */
function lossOf(effects: readonly PaymentEvent[]): { amount: bigint; currency: string } | undefined {
  const moved = effects.filter(
    (one): one is Dispute => one.type === 'dispute.withdrawn' || one.type === 'dispute.reinstated',
  );
  const currency = moved[0]?.currency;
  if (currency === undefined || moved.some((one) => one.currency !== currency)) return undefined;
  const amount = moved.reduce(
    (sum, one) => (one.type === 'dispute.withdrawn' ? sum + one.amount : sum - one.amount),
    0n,
  );
  return { amount, currency };
}

function reasonWithoutMoney(status: string | undefined): string {
  if (status?.startsWith('warning_')) return 'an inquiry: no money was withdrawn';
  if (status === 'won') return 'the dispute was won; what came back is told by its own movement';
  return 'the dispute has moved no money yet';
}
