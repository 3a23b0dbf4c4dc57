import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { at, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { type Money, parseMinor } from '../../money.ts';
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
  unknownType,
} from '../normalised.ts';
import type { Normalised, ReceivedEvent } from '../provider.ts';
import { isTransaction } from './listed-transaction.ts';
import { readOrder } from './order.ts';

/** Events after which the order says something new; they name it, and no amount. */
const ORDER = /^payment\.(?:request\.state-change\.(?:authorized|completed)|(?:transaction|capture|refund)\.[a-z.-]+)$/;

/** A checkout that goes on or ends without money, and families that have none. */
const EVIDENCE =
  /^(?:payment\.request\.|payment\.dispute\.updated|customer\.|identity\.|interoperability\.|onboarding\.)/;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const body = parseExactJson(event.body);
  const line = isTransaction(body);
  const type = textAt(body, 'metadata', 'event_type') ?? event.type;
  // A line of a payout names its order as an event's payload does.
  const payload = line ? body : at(body, 'payload');
  const order = orderOf(payload);
  const about: About = {
    references: references(
      ['order', order],
      ['request', textAt(payload, 'payment_request_id')],
      ['capture', textAt(payload, 'capture_id')],
      ['refund', line ? textAt(payload, 'refund_id') : undefined],
      ['dispute', textAt(payload, 'payment_dispute_id')],
    ),
    amount: null,
  };
  const happened = line ? textAt(body, 'capture_date') : textAt(body, 'metadata', 'occurred_at');
  const when = isoTime(happened) ?? event.receivedAt;
  if (type.startsWith('payment.dispute.state-change.')) return dispute(about, payload, when);
  if (line || ORDER.test(type)) {
    if (order === undefined) return deferredFor(about, 'object', 'the event names no order');
    if (event.fetched === null) {
      return fetchFirst(about, { kind: 'order', id: order }, 'the event names its order only: the amounts are fetched');
    }
    const { fetched } = event;
    return parkingUnknownCurrency(about.references, () => {
      const { effects, money } = readOrder(fetched, order, when);
      return effectsOf({ ...about, amount: money }, effects);
    });
  }
  return EVIDENCE.test(type) ? noEffect(about, `evidence: ${type} moves no money`) : unknownType(about, type);
}

/** The order's id is the UUID inside the transaction's: "krn:payment:eu1:transaction:6debe89e-…". */
function orderOf(payload: Json | undefined): string | undefined {
  const transaction =
    textAt(payload, 'payment_transaction_id') ?? textAt(payload, 'state_context', 'payment_transaction_id');
  return textAt(payload, 'order_id') ?? (transaction === undefined ? undefined : UUID.exec(transaction)?.[0]);
}

/**
 * The amount is told when a dispute begins, the outcome when it is closed; Klarna keeps the money only of one that is
 * lost. docs.klarna.com, "Payment disputes"
 */
function dispute(about: About, payload: Json | undefined, when: number): Normalised {
  const id = textAt(payload, 'payment_dispute_id');
  const state = textAt(payload, 'state') ?? '';
  const outcome = textAt(payload, 'dispute_outcome') ?? '';
  return parkingUnknownCurrency(about.references, () => {
    const money = disputedMoney(payload);
    const known = { ...about, amount: money };
    if (state !== 'CLOSED') return noEffect(known, `evidence: a dispute in state ${state || 'unknown'} moves no money`);
    if (outcome !== 'LOST')
      return noEffect(known, `evidence: a dispute that ended ${outcome || 'without outcome'} moves no money`);
    if (money === null || id === undefined) {
      return deferredFor(
        known,
        'object',
        'the dispute was lost, and the event does not say how much: the settlement file does',
      );
    }
    // In the settlement file it stands under the order.
    const reference = orderOf(payload) ?? id;
    const effects: PaymentEvent[] = [
      { type: 'dispute.withdrawn', key: `${id}:withdrawn`, at: when, dispute: reference, ...money },
      { type: 'dispute.lost', key: `${id}:lost`, at: when, dispute: reference, ...money },
    ];
    return effectsOf(known, effects);
  });
}

function disputedMoney(payload: Json | undefined): Money | null {
  const text = textAt(payload, 'dispute_details', 'dispute_amount');
  const currency = textAt(payload, 'dispute_details', 'currency');
  if (text === undefined || currency === undefined) return null;
  if (currencyExponent(currency) === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  const amount = parseMinor(text);
  if (amount < 0n) throw new PosternError('amount_invalid', `an amount of ${amount} is below zero`);
  return { amount, currency };
}
