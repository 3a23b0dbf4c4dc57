import { at, parseExactJson, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { EndpointSettings, Normalised, ReceivedEvent } from '../provider.ts';
import { moneyAt } from './currency.ts';
import { isListedPayment, listedMeaning } from './listed-payment.ts';
import { paymentEffects } from './payments.ts';

/** Asked and refused, tokens, questions of an issuer: no money. */
const EVIDENCE = new Set([
  'payment.sentForAuthorization',
  'payment.refused',
  'payment.error',
  'payment.tokenCreated',
  'payment.tokenUpdated',
  'payment.tokenDeleted',
  'chargeback.informationRequested',
]);

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const body = parseExactJson(event.body);
  if (isListedPayment(body)) return listedMeaning(body, event, settings);
  const details = at(body, 'eventDetails');
  const family = textAt(details, 'classification') ?? 'unknown';
  const type = textAt(details, 'type') ?? 'unknown';
  const payment = textAt(details, 'transactionReference');
  const about: About = {
    references: references(
      ['payment', payment],
      ['action', textAt(details, 'reference')],
      ['downstream', textAt(details, 'downstreamReference')],
      ['order', textAt(details, 'orderReference')],
    ),
    amount: null,
  };
  if (EVIDENCE.has(`${family}.${type}`)) return noEffect(about, `evidence: ${family} ${type} moves no money`);
  // Payouts to cards are money sent to somebody, which is not posted yet.
  if (family !== 'payment') return unknownType(about, `${family}.${type}`);
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(details, settings);
    const known = { ...about, amount: money ?? null };
    if (payment === undefined || money === undefined) {
      return deferredFor(known, 'object', 'the event has no transactionReference or amount');
    }
    const when = isoTime(textAt(body, 'eventTimestamp')) ?? event.receivedAt;
    const effects = paymentEffects({ type, details, at: when, money });
    return effects === undefined ? unknownType(known, `${family}.${type}`) : effectsOf(known, effects);
  });
}
