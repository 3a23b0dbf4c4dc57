import { type Json, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import { positiveMoneyOf } from './money.ts';
import { timeOf } from './times.ts';

/*
 * The disputed amount is debited when a chargeback is opened, and comes back when it is won
 * (paypal.com "I received a chargeback on my Braintree control panel"); a retrieval only asks for information. A second
 * dispute of the same sale (pre-arbitration) is an object of its own, with `original-dispute-id`.
 */
const OPEN = ['open', 'disputed', 'under_review'];
const LOST = ['lost', 'accepted', 'auto_accepted', 'expired'];

export type DisputeMeaning =
  | { readonly kind: 'effects'; readonly effects: readonly PaymentEvent[]; readonly amount: Money }
  | { readonly kind: 'no_money'; readonly reason: string }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'unknown'; readonly status: string };

/** @throws PosternError `amount_invalid`, `currency_unknown` */
export function disputeMeaning(object: Json | undefined, toldAt: number): DisputeMeaning {
  const dispute = textAt(object, 'id');
  const status = textAt(object, 'status')?.toLowerCase();
  const money = positiveMoneyOf(object, 'amount-disputed') ?? positiveMoneyOf(object, 'amount');
  if (textAt(object, 'kind')?.toLowerCase() === 'retrieval')
    return { kind: 'no_money', reason: 'evidence: a retrieval asks for information and moves no money' };
  if (dispute === undefined || status === undefined || money === undefined) return { kind: 'incomplete' };
  const opened = timeOf(textAt(object, 'date-opened')) ?? timeOf(textAt(object, 'received-date')) ?? toldAt;
  // Every state after opening says that the money was taken, whichever of them is seen first.
  const withdrawn: PaymentEvent = {
    type: 'dispute.withdrawn',
    key: `${dispute}:withdrawn`,
    at: opened,
    dispute,
    ...money,
  };
  if (OPEN.includes(status)) return { kind: 'effects', effects: [withdrawn], amount: money };
  const won = status === 'won';
  if (!won && !LOST.includes(status)) return { kind: 'unknown', status };

  // "The decimal value representing the reversed amount": less than the dispute where it was won in part.
  const told = positiveMoneyOf(object, 'amount-won')?.amount;
  const back = told !== undefined && (told > 0n || !won) ? told : won ? money.amount : 0n;
  const closed = (won ? timeOf(textAt(object, 'date-won')) : undefined) ?? toldAt;
  const effects: PaymentEvent[] = [withdrawn];
  const { currency } = money;
  if (back > 0n)
    effects.push({
      type: 'dispute.reinstated',
      key: `${dispute}:reinstated`,
      at: closed,
      dispute,
      amount: back,
      currency,
    });
  const lost = money.amount - back;
  if (lost > 0n)
    effects.push({ type: 'dispute.lost', key: `${dispute}:lost`, at: closed, dispute, amount: lost, currency });
  return { kind: 'effects', effects, amount: money };
}
