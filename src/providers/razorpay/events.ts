import { at, type Json, type JsonObject, parseExactJson, textAt } from '../../exact-json.ts';
import type { FeeKnown, PaymentEvent } from '../../payment-event.ts';
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
import type { EndpointSettings, Normalised, ReceivedEvent } from '../provider.ts';
import { disputeEffects } from './disputes.ts';
import { amountAt, entityOf, knownCurrency, unixTime } from './entity.ts';
import { listedKind } from './listed-entity.ts';

/*
 * {"event":"payment.captured","account_id":"acc_…","payload":{"payment":{"entity":{…}}},"created_at":…}. Events come in
 * any order and an entity may be further than its event's name, so both are looked at and the further one counts.
 * razorpay.com/docs/webhooks/payments
 */
export type Told = {
  readonly type: string;
  readonly body: Json;
  readonly entity: JsonObject;
  readonly id: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly status: string;
  /** The entity's own time. */
  readonly created: number;
  /** When the event happened: for changes of state whose entity tells no time of its own. */
  readonly happened: number;
  readonly settings: EndpointSettings;
};

/** A text is why nothing posts; null: a status nobody taught the adapter. */
export type Meaning = readonly PaymentEvent[] | string | null;

const ENTITIES: ReadonlyArray<{
  readonly name: string;
  readonly types: RegExp;
  readonly meaning: (told: Told) => Meaning;
}> = [
  { name: 'payment', types: /^payment\.(?:authorized|captured|failed)$/, meaning: payment },
  { name: 'refund', types: /^refund\.(?:created|processed|failed|speed_changed)$/, meaning: refund },
  {
    name: 'dispute',
    types: /^payment\.dispute\.(?:created|under_review|action_required|won|lost|closed)$/,
    meaning: disputeEffects,
  },
  { name: 'settlement', types: /^settlement\.processed$/, meaning: settlement },
  { name: 'transfer', types: /^transfer\.(?:processed|failed)$/, meaning: transfer },
];

/** What names a payment again whose money its own events tell, or moves none. */
const EVIDENCE =
  /^(?:order|invoice|payment_link|subscription|virtual_account|qr_code|token|account|product|payment\.downtime|payment\.pending|fund_account\.validation)(?:\.|$)/;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  const received = parseExactJson(event.body);
  const listed = listedKind(received);
  const body = listed === null ? received : asEvent(listed, received, event.fetched);
  const type = listed ?? textAt(body, 'event') ?? event.type;
  const known = ENTITIES.find(({ types, name }) => (listed === null ? types.test(type) : name === listed));
  const about: About = { references: referencesOf(body), amount: null };
  if (listed === 'refund') {
    const needed = paymentNeeded(received, body, about, event.fetched);
    if (needed !== null) return needed;
  }
  if (known === undefined) {
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money that a payment's own events do not tell`)
      : unknownType(about, type);
  }
  const entity = entityOf(body, known.name);
  const [id, status] = [textAt(entity, 'id'), textAt(entity, 'status')];
  if (entity === undefined || id === undefined || status === undefined) {
    return deferredFor(about, 'object', `the event's ${known.name} has no id or no status`);
  }
  return parkingUnknownCurrency(about.references, () => {
    const amount = amountAt(entity, 'amount');
    if (amount === undefined) return deferredFor(about, 'object', `the event's ${known.name} has no amount`);
    const code = textAt(entity, 'currency') ?? (known.name === 'settlement' ? ownCurrency(settings) : undefined);
    if (code === undefined) {
      // A settlement's entity never tells it: it is the bank account's, and a guess would be wrong in Singapore.
      return known.name === 'settlement'
        ? deferredFor(about, 'currency', 'the settlement names no currency: set settlement_currency at the endpoint')
        : deferredFor(about, 'object', `the event's ${known.name} has no currency`);
    }
    const currency = knownCurrency(code);
    const happened = unixTime(textAt(body, 'created_at')) ?? event.receivedAt;
    const created = unixTime(textAt(entity, 'created_at')) ?? happened;
    const meaning = known.meaning({ type, body, entity, id, amount, currency, status, created, happened, settings });
    const told: About = { ...about, amount: { amount, currency } };
    if (meaning === null) {
      return deferredFor(
        told,
        'adapter',
        `the adapter does not know the ${known.name} status "${status.slice(0, 40)}"`,
      );
    }
    return typeof meaning === 'string' ? noEffect(told, meaning) : effectsOf(told, meaning);
  });
}

/** A listed entity as its webhook would have brought it; `fetched` is the payment of a refund. */
function asEvent(kind: string, entity: Json, fetched: Buffer | null): Json {
  const payment = fetched === null ? undefined : parseExactJson(fetched);
  return {
    payload: { ...(payment === undefined ? {} : { payment: { entity: payment } }), [kind]: { entity } },
    created_at: textAt(entity, 'created_at'),
  };
}

/** A refund of what was never captured gives back an authorisation and no money: only its payment says it. */
function paymentNeeded(refund: Json, body: Json, about: About, fetched: Buffer | null): Normalised | null {
  const payment = textAt(refund, 'payment_id');
  if (payment === undefined) return deferredFor(about, 'object', 'the refund names no payment');
  if (fetched === null)
    return fetchFirst(about, { kind: 'payment', id: payment }, 'whether its payment was captured, only that says');
  const answered = entityOf(body, 'payment');
  return textAt(answered, 'id') === payment && typeof at(answered, 'captured') === 'boolean'
    ? null
    : deferredFor(about, 'object', `Razorpay answered with another object than ${payment}`);
}

function ownCurrency(settings: EndpointSettings): string | undefined {
  return typeof settings.settlement_currency === 'string' ? settings.settlement_currency : undefined;
}

function referencesOf(body: Json): About['references'] {
  const [paid, refunded, disputed] = [entityOf(body, 'payment'), entityOf(body, 'refund'), entityOf(body, 'dispute')];
  return references(
    ['payment', textAt(paid, 'id') ?? textAt(refunded, 'payment_id') ?? textAt(disputed, 'payment_id')],
    ['refund', textAt(refunded, 'id')],
    ['dispute', textAt(disputed, 'id')],
    ['payout', textAt(entityOf(body, 'settlement'), 'id')],
    ['transfer', textAt(entityOf(body, 'transfer'), 'id')],
    ['order', textAt(paid, 'order_id') ?? textAt(entityOf(body, 'order'), 'id')],
    ['invoice', textAt(paid, 'invoice_id')],
  );
}

function payment({ type, entity, id, amount, currency, status, created, happened, settings }: Told): Meaning {
  const told = { payment: id, currency } as const;
  if (type === 'payment.captured' || at(entity, 'captured') === true || status === 'captured') {
    return [
      {
        type: 'payment.captured',
        key: `${id}:captured`,
        at: created,
        ...told,
        amount,
        // Only the whole of an authorised amount can be captured (razorpay.com/docs/api/payments/capture).
        authorisation: { amount, final: true },
      },
      ...feeOf(entity, id, currency, created, settings),
    ];
  }
  switch (status) {
    case 'authorized':
      return [{ type: 'payment.authorised', key: `${id}:authorised`, at: created, ...told, amount }];
    case 'failed':
      return [{ type: 'payment.failed', key: `${id}:failed`, at: happened, ...told }];
    case 'refunded':
      // Never captured: Razorpay gave an authorisation back by itself.
      return [{ type: 'payment.cancelled', key: `${id}:cancelled`, at: happened, ...told }];
    case 'created':
      return 'the payment was begun: no money moved';
    default:
      return null;
  }
}

/** `fee` contains `tax` (before 2017: `service_tax`), which the settlement's line takes to recoverable tax on its own. */
function feeOf(entity: JsonObject, id: string, paidIn: string, at: number, settings: EndpointSettings): FeeKnown[] {
  const fee = amountAt(entity, 'fee');
  const code = feeCurrency(entity, paidIn, settings);
  if (fee === undefined || code === undefined) return [];
  const amount = fee - (amountAt(entity, 'tax') ?? amountAt(entity, 'service_tax') ?? 0n);
  if (amount === 0n) return [];
  const currency = knownCurrency(code);
  return [{ type: 'payment.fee_known', key: `${id}:fee`, at, reference: id, of: 'payment', amount, currency }];
}

/** Fees are taken in the account's currency. Where a foreign payment does not tell it, the settlement's line will. */
function feeCurrency(entity: JsonObject, paidIn: string, settings: EndpointSettings): string | undefined {
  const own = textAt(entity, 'base_currency') ?? ownCurrency(settings);
  return own ?? (at(entity, 'international') === true ? undefined : paidIn);
}

const REFUND_STEPS = ['refund.created', 'refund.succeeded', 'refund.failed'] as const;
const REFUND_STATUS: ReadonlyMap<string, number> = new Map([
  ['pending', 0],
  ['processed', 1],
  ['failed', 2],
]);
const REFUND_TYPE: ReadonlyMap<string, number> = new Map([
  ['refund.processed', 1],
  ['refund.failed', 2],
]);

function refund({ type, body, entity, id, amount, currency, status, created, happened }: Told): Meaning {
  const payment = textAt(entity, 'payment_id') ?? textAt(entityOf(body, 'payment'), 'id');
  // "payload.payment.entity.captured … false for an auto-refund": razorpay.com/docs/webhooks/refunds
  if (at(body, 'payload', 'payment', 'entity', 'captured') === false) {
    if (payment === undefined) return 'an authorisation was given back that was never captured: no money moved';
    return [{ type: 'payment.cancelled', key: `${payment}:cancelled`, at: created, payment, currency }];
  }
  const reached = REFUND_STATUS.get(status);
  if (reached === undefined) return null;
  const step = Math.max(reached, REFUND_TYPE.get(type) ?? 0);
  const what = REFUND_STEPS[step] ?? 'refund.created';
  return [
    {
      type: what,
      key: `${id}:${what.slice('refund.'.length)}`,
      at: step === 2 ? happened : created,
      refund: id,
      ...(payment === undefined ? {} : { payment }),
      amount,
      currency,
    },
  ];
}

/** Processed says that the transfer to the bank began; a settlement that failed is tried again under the same id. */
function settlement({ id, amount, currency, status, created }: Told): Meaning {
  if (status !== 'processed') return null;
  return [{ type: 'payout.created', key: `${id}:created`, at: created, payout: id, amount, currency }];
}

/** Route: money passed on to a linked account. */
function transfer({ type, entity, id, amount, currency, created }: Told): Meaning {
  if (type === 'transfer.failed') return 'the transfer failed: no money moved';
  const seller = textAt(entity, 'recipient');
  if (seller === undefined) return null;
  const at = unixTime(textAt(entity, 'processed_at')) ?? created;
  return [{ type: 'transfer.created', key: `${id}:created`, at, transfer: id, seller, amount, currency }];
}
