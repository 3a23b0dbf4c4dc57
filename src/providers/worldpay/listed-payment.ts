import { createHash } from 'node:crypto';
import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
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
import type { EndpointSettings, IdentifiedEvent, Normalised, ReceivedEvent } from '../provider.ts';
import { moneyAt } from './currency.ts';
import { paymentEffects } from './payments.ts';

const EVENTS_MAX = 1_000;

/** A payment of the list, its own bytes unchanged, and for what it was listed, which it does not tell itself. */
export function listedBody(payment: Buffer, because: string): Buffer {
  return Buffer.concat([Buffer.from(`{"listedBecause":"${because}","payment":`), payment, Buffer.from('}')]);
}

export function isListedPayment(body: Json): boolean {
  return textAt(body, 'listedBecause') !== undefined && textAt(body, 'payment', 'paymentId') !== undefined;
}

/** That something happened to a payment, as an event: that something else did is another. */
export function listedEvent(body: Json): IdentifiedEvent {
  const because = textAt(body, 'listedBecause') ?? '';
  const payment = at(body, 'payment');
  const name = `${textAt(payment, 'paymentId')}:${because}`;
  const content = [name, textAt(payment, 'transactionReference') ?? '', textAt(payment, 'value', 'amount') ?? ''];
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: `queried.${because}`,
    apiVersion: null,
    live: null,
    account: null,
    occurredAt: isoTime(textAt(payment, 'timestamp')) ?? null,
    fingerprint: () => createHash('sha256').update(JSON.stringify(content)).digest(),
  };
}

/**
 * The payment with its history, under the keys of the events that tell the same by webhook: `sentForSettlement`,
 * `sentForRefund`, `cancelled`, each with the merchant's own references.
 * developer.worldpay.com/products/payment-queries/retrieve-by-payment-id
 */
export function listedMeaning(body: Json, event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const id = textAt(body, 'payment', 'paymentId') ?? '';
  const payment = textAt(body, 'payment', 'transactionReference');
  const about: About = { references: references(['payment', payment], ['query', id]), amount: null };
  if (event.fetched === null)
    return fetchFirst(about, { kind: 'payment', id }, 'what happened to the payment, only its history says');
  const told = parseExactJson(event.fetched);
  const history = listAt(told, 'events');
  if (textAt(told, 'paymentId') !== id || payment === undefined || textAt(told, 'transactionReference') !== payment)
    return deferredFor(about, 'object', `Worldpay answered with another payment than ${id}`);
  if (history.length === 0 || history.length > EVENTS_MAX)
    return deferredFor(about, 'object', 'the payment’s history is not in the answer');
  return parkingUnknownCurrency(about.references, () => {
    const money = queriedMoney(told, settings);
    if (money === undefined) return deferredFor(about, 'object', 'the payment has no amount');
    const effects = historyEffects(payment, history, money, settings, event.receivedAt);
    const known = { ...about, amount: money };
    if (typeof effects === 'string') return deferredFor(known, 'object', effects);
    return effects.length === 0
      ? noEffect(known, 'evidence: nothing that moves money was sent for this payment')
      : effectsOf(known, effects);
  });
}

/** A text is why it cannot be said what moved. */
function historyEffects(
  payment: string,
  history: readonly Json[],
  whole: NonNullable<ReturnType<typeof queriedMoney>>,
  settings: EndpointSettings,
  receivedAt: number,
): readonly PaymentEvent[] | string {
  const named = (name: string): readonly Json[] => history.filter((one) => textAt(one, 'eventName') === name);
  const timeOf = (one: Json | undefined): number => isoTime(textAt(one, 'timestamp')) ?? receivedAt;
  const effects: PaymentEvent[] = [];
  const add = (type: string, one: Json | undefined, money = whole, reference?: string): void => {
    const details = { transactionReference: payment, ...(reference === undefined ? {} : { reference }) };
    effects.push(...(paymentEffects({ type, details, at: timeOf(one), money }) ?? []));
  };
  const [authorised] = named('authorizationSucceeded');
  if (authorised !== undefined) add('authorized', authorised);
  const [sold] = named('saleSucceeded');
  if (sold !== undefined) add('sentForSettlement', sold);
  for (const [what, type] of [
    ['settlement', 'sentForSettlement'],
    ['refund', 'sentForRefund'],
  ] as const) {
    const [asked, sent] = [named(`${what}Requested`), named(`${what}RequestSubmitted`)];
    if (sent.length === 0) continue;
    // What was sent does not name its part: where one of several failed, nobody can say which.
    if (asked.length !== sent.length)
      return `of ${asked.length} ${what}s asked for ${sent.length} were sent: not said which`;
    for (const one of asked) {
      const money = queriedMoney(one, settings);
      const isPart = (textAt(one, 'type') ?? '').toLowerCase().startsWith('partial');
      const reference = isPart ? textAt(one, `${what}Reference`) : undefined;
      if (money === undefined || (isPart && reference === undefined)) return `a ${what} has no amount or no reference`;
      add(type, one, money, reference);
    }
  }
  const [cancelled] = named('cancellationRequestSubmitted');
  // A part may be cancelled, and the rest settled: then the settlement says what is left.
  if (cancelled !== undefined && named('settlementRequestSubmitted').length === 0) add('cancelled', cancelled);
  return effects;
}

/** {"value":{"amount":250,"currency":"EUR"}}, which events call {"amount":{"value":250,"currencyCode":"EUR"}}. */
function queriedMoney(object: Json, settings: EndpointSettings): ReturnType<typeof moneyAt> {
  const [value, currencyCode] = [textAt(object, 'value', 'amount'), textAt(object, 'value', 'currency')];
  return value === undefined || currencyCode === undefined
    ? undefined
    : moneyAt({ amount: { value, currencyCode } }, settings);
}
