import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { PaymentEvent, Payout } from '../../payment-event.ts';
import { isoTime } from '../iso-time.ts';
import { deferredFor, effectsOf, fetchFirst, noEffect, parkingUnknownCurrency, unknownType } from '../normalised.ts';
import type { Normalised } from '../provider.ts';
import { aboutOf, assertAbout, type GocardlessEvent, moneyAt } from './resource.ts';

/*
 * A payout is told when it was sent (`paid`); one in another currency has its final amount only with `fx_rate_confirmed`.
 * That one bounced is told of the creditor, without naming the payout: then the creditor's bounced payouts are listed.
 * developer.gocardless.com/api-reference/#events-payout-actions
 */
export function payout(event: GocardlessEvent, fetched: Buffer | null): Normalised {
  const about = aboutOf(event);
  const sent = event.action === 'paid' || event.action === 'fx_rate_confirmed' || event.cause === 'payout_paid';
  if (event.action === 'tax_exchange_rates_confirmed') {
    return noEffect(about, 'evidence: the exchange rates of the taxes on a payout move no money');
  }
  if (!sent) return unknownType(about, `payouts.${event.action}`);
  const id = textAt(event.entry, 'links', 'payout');
  if (id === undefined) return deferredFor(about, 'object', 'the event names no payout');
  if (fetched === null) {
    return fetchFirst(about, { kind: 'payout', id }, 'the event names its payout only: the amount is fetched');
  }
  const told = at(parseExactJson(fetched), 'payouts');
  assertAbout(told, id);
  return parkingUnknownCurrency(about.references, () => {
    const effects = effectsOfPayout(told, event.at);
    const known = { ...about, amount: moneyAt(told) };
    return effects === null
      ? noEffect(known, 'evidence: the exchange rate of the payout is not final; fx_rate_confirmed tells it')
      : effectsOf(known, effects);
  });
}

export function bouncedPayout(event: GocardlessEvent, fetched: Buffer | null): Normalised {
  const about = aboutOf(event);
  const creditor = textAt(event.entry, 'links', 'creditor');
  if (creditor === undefined) return deferredFor(about, 'object', 'the event names no creditor');
  if (fetched === null) {
    return fetchFirst(
      about,
      { kind: 'bounced_payouts', id: creditor },
      'a payout bounced, and the event does not say which: the bounced payouts are fetched',
    );
  }
  const bounced = listAt(parseExactJson(fetched), 'payouts').filter(
    (told) => textAt(told, 'status') === 'bounced' && textAt(told, 'links', 'creditor') === creditor,
  );
  return parkingUnknownCurrency(about.references, () => {
    const effects = bounced.flatMap((told) => effectsOfPayout(told, event.at) ?? []);
    return effects.length === 0
      ? noEffect(about, 'a payout bounced and was sent again before it could be looked up')
      : effectsOf(about, effects);
  });
}

/** Null as long as the amount that reaches the bank is an estimate. */
function effectsOfPayout(told: Json | undefined, when: number): PaymentEvent[] | null {
  const id = textAt(told, 'id') ?? '';
  const money = moneyAt(told);
  const target = textAt(told, 'fx', 'fx_currency');
  const isExchanged = target !== undefined && target !== money.currency;
  // `exchange_rate` is there once it is certain, `estimated_exchange_rate` until then.
  if (isExchanged && textAt(told, 'fx', 'exchange_rate') === undefined) return null;
  const settled = isExchanged ? { settled: moneyAt(at(told, 'fx'), 'fx_amount', 'fx_currency') } : {};
  const sent: Payout = {
    type: 'payout.created',
    key: `${id}:created`,
    at: isoTime(textAt(told, 'created_at')) ?? when,
    payout: id,
    ...money,
    ...settled,
  };
  if (textAt(told, 'status') !== 'bounced') return [sent];
  return [sent, { ...sent, type: 'payout.failed', key: `${id}:failed`, at: when }];
}
