import { at, type Json, textAt } from '../../exact-json.ts';
import type { PaymentEvent } from '../../payment-event.ts';
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
import { moneyOf, payeeOf, timeOf } from './amount.ts';

/** v4: {"id":"wbk_…","type":"charge.completed","timestamp":…,"data":{…}}. developer.flutterwave.com/docs/webhooks */
export function signedMeaning(
  body: Json,
  { receivedAt, type: known }: ReceivedEvent,
  settings: EndpointSettings,
): Normalised {
  const type = textAt(body, 'type') ?? known;
  const data = at(body, 'data') ?? null;
  const id = textAt(data, 'id');
  const told = { data, id: id ?? '', status: (textAt(data, 'status') ?? '').toLowerCase(), receivedAt };
  const about: About = { references: references([kindOf(type), id]), amount: null };
  const meaning = MEANINGS.find(([types]) => types.test(type))?.[1];
  if (meaning === undefined) {
    return type === 'order.authorization'
      ? noEffect(about, 'evidence: an order was authorised, which moves no money')
      : unknownType(about, type);
  }
  if (id === undefined) return deferredFor(about, 'object', 'the event names no object');
  return parkingUnknownCurrency(about.references, () => meaning(told, about, settings));
}

function kindOf(type: string): string {
  const family = type.slice(0, Math.max(type.indexOf('.'), 0));
  return family === 'charge' ? 'payment' : family === '' ? 'object' : family;
}

type Told = {
  readonly data: Json;
  readonly id: string;
  /** Lower case: v4 writes both `succeeded` and `SUCCESSFUL`. */
  readonly status: string;
  readonly receivedAt: number;
};

type Meaning = (told: Told, about: About, settings: EndpointSettings) => Normalised;

const MEANINGS: ReadonlyArray<readonly [types: RegExp, meaning: Meaning]> = [
  [/^charge\.(?:completed|failed)$/, charge],
  [/^refund\.(?:completed|failed)$/, refund],
  [/^transfer\.(?:disburse|reversal|completed|failed)$/, transfer],
];

function unknownStatus(about: About, status: string): Normalised {
  return deferredFor(about, 'adapter', `the adapter does not know the status "${status.slice(0, 40)}"`);
}

function charge({ data, id, status, receivedAt }: Told, known: About): Normalised {
  const currency = textAt(data, 'currency') ?? '';
  const money = moneyOf(textAt(data, 'amount'), currency);
  if (money === undefined) return deferredFor(known, 'object', 'the charge has no amount');
  const about: About = {
    references: references(['payment', id], ['order', textAt(data, 'reference')]),
    amount: money,
  };
  const at = timeOf(textAt(data, 'created_datetime')) ?? receivedAt;
  switch (status) {
    case 'succeeded':
    case 'successful':
      return effectsOf(about, [{ type: 'payment.captured', key: `${id}:captured`, at, payment: id, ...money }]);
    case 'failed':
    case 'voided':
      return effectsOf(about, [{ type: 'payment.failed', key: `${id}:failed`, at, payment: id, currency }]);
    case 'pending':
      return noEffect(about, 'evidence: the charge is pending');
    default:
      return unknownStatus(about, status);
  }
}

const REFUNDS: ReadonlyMap<string, 'refund.created' | 'refund.succeeded' | 'refund.failed'> = new Map([
  ['new', 'refund.created'],
  ['pending', 'refund.created'],
  ['succeeded', 'refund.succeeded'],
  ['completed', 'refund.succeeded'],
  ['failed', 'refund.failed'],
  ['cancelled', 'refund.failed'],
]);

/** A refund tells its charge and no currency. */
function refund({ data, id, status, receivedAt }: Told, known: About, settings: EndpointSettings): Normalised {
  const payment = textAt(data, 'charge_id');
  const about: About = { references: references(['refund', id], ['payment', payment]), amount: null };
  const currency = textAt(data, 'currency') ?? (typeof settings.currency === 'string' ? settings.currency : undefined);
  if (currency === undefined) {
    return deferredFor(about, 'currency', 'the refund names no currency: set currency where an account has only one');
  }
  const money = moneyOf(textAt(data, 'amount_refunded') ?? textAt(data, 'amount'), currency);
  if (money === undefined) return deferredFor(known, 'object', 'the refund has no amount');
  const type = REFUNDS.get(status);
  if (type === undefined) return unknownStatus({ ...about, amount: money }, status);
  const at = timeOf(textAt(data, 'created_datetime')) ?? receivedAt;
  const key = `${id}:${type.slice('refund.'.length)}`;
  const of = payment === undefined ? {} : { payment };
  return effectsOf({ ...about, amount: money }, [{ type, key, at, refund: id, ...of, ...money }]);
}

/** A reversal tells what its transfer had been: only one that had succeeded moved money. */
function transfer({ data, id, status, receivedAt }: Told, known: About): Normalised {
  const currency = textAt(data, 'source_currency') ?? textAt(data, 'currency') ?? '';
  const paidIn = textAt(data, 'destination_currency') ?? currency;
  const reversal = at(data, 'reversal');
  const before = (textAt(reversal, 'initial_status') ?? '').toLowerCase();
  const ended = before === '' ? status : before;
  if (ended === 'failed') return noEffect(known, 'evidence: the transfer failed, and moved no money');
  if (ended === 'pending' || ended === 'new' || ended === 'initiated') {
    return noEffect(known, 'evidence: the transfer is under way');
  }
  if (ended !== 'successful' && ended !== 'succeeded') return unknownStatus(known, ended);
  if (paidIn !== currency) {
    return deferredFor(known, 'adapter', 'the transfer was paid in another currency than it was debited in');
  }
  const money = moneyOf(textAt(data, 'amount'), currency);
  const seller = payeeOf(data);
  if (money === undefined || seller === undefined) {
    return deferredFor(known, 'object', 'the transfer has no amount or no recipient');
  }
  const told = { transfer: id, seller, ...money };
  const sent = timeOf(textAt(data, 'disburse_datetime')) ?? timeOf(textAt(data, 'created_datetime')) ?? receivedAt;
  const effects: PaymentEvent[] = [{ type: 'transfer.created', key: `${id}:created`, at: sent, ...told }];
  if (before !== '') {
    const back = timeOf(textAt(reversal, 'reversal_datetime')) ?? receivedAt;
    effects.push({ type: 'transfer.reversed', key: `${id}:reversed`, at: back, ...told });
  }
  return effectsOf({ ...known, amount: money }, effects);
}
