import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';
import type { PaymentEvent } from '../../payment-event.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  fetchFirst,
  noEffect,
  parkingUnknownCurrency,
  references,
} from '../normalised.ts';
import type { EndpointSettings, Normalised } from '../provider.ts';

/** What the event says happened to the transfer. `at` is unix ms. */
export type TransferChange = {
  readonly id: string | undefined;
  readonly recipient: string | undefined;
  readonly state: string;
  readonly at: number;
};

/**
 * Money has left with `outgoing_payment_sent` and is back with `funds_refunded`. In between it may bounce, be processed
 * and sent once more; one that was never sent can be refunded too, which nets to nothing.
 * docs.wise.com/guides/product/send-money/tracking/transfer-statuses
 */
const NO_MONEY = new Set([
  'incoming_payment_waiting',
  'incoming_payment_initiated',
  'processing',
  'funds_converted',
  'bounced_back',
  'cancelled',
]);

export function transfer(change: TransferChange, fetched: Buffer | null, settings: EndpointSettings): Normalised {
  const { id, recipient, state } = change;
  const about: About = { references: references(['transfer', id], ['recipient', recipient]), amount: null };
  if (NO_MONEY.has(state))
    return noEffect(about, `evidence: a transfer that is ${state} has not left or not come back`);
  if (state !== 'outgoing_payment_sent' && state !== 'funds_refunded') {
    return deferredFor(about, 'adapter', `the adapter does not know the transfer state "${state.slice(0, 40)}"`);
  }
  if (id === undefined) return deferredFor(about, 'object', 'the event names no transfer');
  if (fetched === null) {
    return fetchFirst(about, { kind: 'transfer', id }, 'the event names its transfer only: the amount is fetched');
  }
  const told = parseExactJson(fetched);
  const found = textAt(told, 'id');
  if (found !== id) {
    throw new PosternError('unreadable_event', `asked for transfer ${id}, Wise answered about ${found ?? 'nothing'}`);
  }
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(told, 'source');
    const target = moneyAt(told, 'target');
    const to = textAt(told, 'targetAccount') ?? recipient ?? id;
    const effects = isOwn(to, settings) ? payout(change, id, money, target) : outgoing(change, id, money, to);
    return effectsOf({ ...about, amount: money }, effects);
  });
}

function payout({ state, at }: TransferChange, id: string, money: Money, target: Money): PaymentEvent[] {
  const settled = target.currency === money.currency ? {} : { settled: target };
  const told = { at, payout: id, ...money, ...settled };
  return state === 'funds_refunded'
    ? [{ type: 'payout.failed', key: `${id}:failed`, ...told }]
    : [{ type: 'payout.created', key: `${id}:created`, ...told }];
}

function outgoing({ state, at }: TransferChange, id: string, money: Money, seller: string): PaymentEvent[] {
  const told = { at, transfer: id, seller, ...money };
  const created: PaymentEvent = { type: 'transfer.created', key: `${id}:created`, ...told };
  return state === 'funds_refunded'
    ? [created, { type: 'transfer.reversed', key: `${id}:reversed`, ...told }]
    : [created];
}

/** To a bank account of our own it is a payout; to anybody else it is what we owed him. */
function isOwn(recipient: string, settings: EndpointSettings): boolean {
  const { own_recipients: own } = settings;
  return Array.isArray(own) && own.includes(recipient);
}

/** `sourceValue` and `sourceCurrency`: a JSON number in major units. @throws PosternError */
function moneyAt(told: Json, side: 'source' | 'target'): Money {
  const text = textAt(told, `${side}Value`);
  const currency = textAt(told, `${side}Currency`);
  if (text === undefined || currency === undefined) {
    throw new PosternError('unreadable_event', `the transfer Wise answered has no ${side} amount`);
  }
  return majorMoney(text, currency);
}

/** @throws PosternError `currency_unknown`, `amount_invalid` */
export function majorMoney(text: string, currency: string): Money {
  const exponent = currencyExponent(currency);
  if (exponent === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  const amount = parseMajor(text, exponent);
  if (amount < 0n) throw new PosternError('amount_invalid', `an amount of ${text} is below zero`);
  return { amount, currency };
}
