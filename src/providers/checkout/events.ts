import { at, parseExactJson, textAt } from '../../exact-json.ts';
import {
  type About,
  deferredFor,
  effectsOf,
  noEffect,
  parkingUnknownCurrency,
  references,
  unknownType,
} from '../normalised.ts';
import type { Normalised, ReceivedEvent } from '../provider.ts';
import { moneyAt } from './currency.ts';
import { disputeEffects } from './disputes.ts';
import { listedDisputeMeaning, listedPaymentMeaning } from './listed-meaning.ts';
import { listedKind } from './listed-object.ts';
import { paymentEffects } from './payments.ts';
import { isPayout, timeOf } from './told.ts';

/** What is asked, tried, refused or put off moves no money; nor does an authorisation that grew, as captures tell theirs. */
const NO_MONEY = new Set([
  'payment_authentication_failed',
  'payment_authorization_incremented',
  'payment_authorization_increment_declined',
  'payment_capture_declined',
  'payment_capture_pending',
  'payment_compliance_review',
  'payment_declined',
  'payment_pending',
  'payment_retry_scheduled',
  'payment_void_declined',
]);

/** Families without money. Issuing and balances are not among them: their events wait for an adapter. */
const EVIDENCE =
  /^(?:authentication|card_verified|card_verification|compliance|identity|instrument|network_token|report|sub_entity|vaulting)(?:_|$)/;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const body = parseExactJson(event.body);
  const listed = listedKind(body);
  if (listed === 'payment') return listedPaymentMeaning(body, event);
  if (listed === 'dispute') return listedDisputeMeaning(body, event.receivedAt);
  const type = textAt(body, 'type') ?? event.type;
  const data = at(body, 'data');
  const isDispute = type.startsWith('dispute_');
  const about: About = {
    references: references(
      [isDispute ? 'dispute' : 'payment', textAt(data, 'id')],
      ['payment', isDispute ? textAt(data, 'payment_id') : undefined],
      ['action', textAt(data, isDispute ? 'payment_action_id' : 'action_id')],
      ['order', textAt(data, isDispute ? 'payment_reference' : 'reference')],
    ),
    amount: null,
  };
  if (NO_MONEY.has(type) || EVIDENCE.test(type)) return noEffect(about, `evidence: ${type} moves no money`);
  if (!isDispute && !type.startsWith('payment_')) return unknownType(about, type);
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(data);
    const known = { ...about, amount: money ?? null };
    if (!isDispute && isPayout(data)) {
      return deferredFor(known, 'adapter', `${type} is about money sent to somebody, which the adapter does not know`);
    }
    if (textAt(data, 'id') === undefined || money === undefined) {
      return deferredFor(
        known,
        'object',
        `the event's ${isDispute ? 'dispute' : 'payment'} has no id, amount or currency`,
      );
    }
    const told = { type, data, at: timeOf(body, event.receivedAt), money };
    const effects = isDispute ? disputeEffects(told) : paymentEffects(told);
    if (effects === undefined) return unknownType(known, type);
    return effects.length === 0 ? noEffect(known, `evidence: ${type} moves no money`) : effectsOf(known, effects);
  });
}
