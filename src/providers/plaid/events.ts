import { at, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
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
import { RECENT } from './api.ts';
import { isListedEvent } from './listed-event.ts';
import { refundEffects, sweepEffects, transferEffects } from './movements.ts';

/** "If multiple transfer events occur within a single minute, only one webhook will be fired": the others are waited for. */
const SETTLE_MS = 61_000;
const EVENTS_MAX = 5_000;

/** Products that tell of bank data and people: no money moves at Plaid. plaid.com/docs/api/webhooks */
const EVIDENCE: ReadonlySet<string> = new Set(
  (
    'ASSETS AUTH BANK_TRANSFERS BASE_REPORT BEACON CASH_FLOW_UPDATES CHECK_REPORT CRA_MONITORING DASHBOARD_CONFIGURED_ALERT ' +
    'ENTITY_SCREENING HOLDINGS IDENTITY IDENTITY_VERIFICATION INCOME INVESTMENTS_TRANSACTIONS ITEM LAYER LIABILITIES ' +
    'LINK LINK_DELIVERY SCREENING SIGNAL STATEMENTS TRANSACTIONS USER_ACCOUNT'
  ).split(' '),
);

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const body = parseExactJson(event.body);
  if (isListedEvent(body, event.headers)) return parkingUnknownCurrency([], () => listedMeaning(body, event));
  const type = textAt(body, 'webhook_type') ?? '';
  const code = textAt(body, 'webhook_code') ?? '';
  const about: About = { references: [], amount: null };
  if (type !== 'TRANSFER')
    return EVIDENCE.has(type)
      ? noEffect(about, `evidence: ${type} ${code} tells of bank data, no money moved at Plaid`)
      : unknownType(about, `${type}.${code}`);
  if (code.startsWith('RECURRING_'))
    return noEffect(about, `evidence: ${code} moves no money, the transfers made for it do`);
  if (code !== 'TRANSFER_EVENTS_UPDATE') return unknownType(about, `${type}.${code}`);
  if (event.fetched === null) {
    const reason = 'Plaid only says that there are transfer events';
    return fetchFirst(about, { kind: 'transfer_events', id: RECENT }, reason, event.receivedAt + SETTLE_MS);
  }
  const fetched = parseExactJson(event.fetched);
  return parkingUnknownCurrency([], () => meaningOf(fetched, about, event.receivedAt));
}

/** One event of the list: the keys are those of what a hint leads to. A refund and a sweep are told by their own objects. */
function listedMeaning(one: Json, { receivedAt, fetched }: ReceivedEvent): Normalised {
  const type = textAt(one, 'event_type') ?? '';
  const [refund, sweep] = [textAt(one, 'refund_id'), textAt(one, 'sweep_id')];
  const transfer = textAt(one, 'transfer_id');
  const about: About = {
    references: references(
      ['payment', transfer],
      ['refund', refund],
      ['payout', type.startsWith('sweep.') ? sweep : undefined],
    ),
    amount: null,
  };
  const object =
    refund !== undefined
      ? { kind: 'refund', id: refund }
      : type.startsWith('sweep.') && sweep !== undefined
        ? { kind: 'sweep', id: sweep }
        : null;
  if (object === null) {
    const effects = transferEffects(one, receivedAt);
    if (effects === null) return unknownType(about, `transfer event ${type}`);
    return effects.length > 0 ? effectsOf(about, effects) : noEffect(about, `evidence: ${type} moves no money`);
  }
  if (fetched === null) return fetchFirst(about, object, `the event does not tell the ${object.kind}'s own amount`);
  const answer = at(parseExactJson(fetched), object.kind);
  if (answer === undefined || textAt(answer, 'id') !== object.id)
    return deferredFor(about, 'object', `Plaid answered with another object than ${object.id}`);
  const effects = (object.kind === 'refund' ? refundEffects : sweepEffects)(answer, [one], receivedAt);
  if (effects.length > 0) return effectsOf(about, effects);
  const status = textAt(answer, 'status') ?? 'none';
  // A sweep that nets to nothing tells no amount.
  return object.kind === 'sweep' && (status === 'pending' || textAt(answer, 'amount') === undefined)
    ? noEffect(about, `evidence: a sweep that is ${status} moved no money`)
    : unknownType(about, `${object.kind} that is ${status}`);
}

/**
 * Every movement has the key of its transfer, refund or sweep: that the same events come with every hint of a day, and
 * several events tell one movement, posts it once.
 */
function meaningOf(fetched: Json, about: About, receivedAt: number): Normalised {
  const events = listAt(fetched, 'transfer_events');
  if (events.length > EVENTS_MAX)
    return deferredFor(about, 'adapter', `more than ${EVENTS_MAX} transfer events at once`);
  const effects = new Map<string, PaymentEvent>();
  const add = (list: readonly PaymentEvent[]): void => {
    for (const effect of list) effects.set(effect.key, effect);
  };
  const unknown = new Set<string>();
  for (const one of events) {
    const found = transferEffects(one, receivedAt);
    if (found === null) unknown.add(textAt(one, 'event_type') ?? 'none');
    else add(found);
  }
  for (const one of listAt(fetched, 'refunds')) add(refundEffects(one, events, receivedAt));
  for (const one of listAt(fetched, 'sweeps')) add(sweepEffects(one, events, receivedAt));
  const told: About = { ...about, references: referencesOf([...effects.values()]) };
  if (effects.size > 0) return effectsOf(told, [...effects.values()]);
  // Only where nothing is known: one new type among the rest must not keep a day's money from the books.
  const [first] = unknown;
  return first === undefined
    ? noEffect(told, 'evidence: the transfer events of the last day move no money')
    : unknownType(told, `transfer event ${first}`);
}

const REFERENCES_MAX = 50;

function referencesOf(effects: readonly PaymentEvent[]): { kind: string; id: string }[] {
  const found = new Map<string, { kind: string; id: string }>();
  for (const { key, type } of effects) {
    const kind = type.slice(0, type.indexOf('.'));
    const id = key.slice(0, key.lastIndexOf(':'));
    if (found.size < REFERENCES_MAX) found.set(`${kind}:${id}`, { kind, id });
  }
  return [...found.values()];
}
