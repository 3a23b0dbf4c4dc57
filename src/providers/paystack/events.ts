import { at, isObject, type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
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
import { moneyAt } from './currency.ts';
import { eventOf, listedKind } from './listed-object.ts';

/*
 * {"event":"charge.success","data":{…}}. A payment is named by its reference: it is the one name that charges, refunds and
 * disputes all carry. paystack.com/docs/payments/webhooks/#types-of-events
 */
type Told = {
  readonly type: string;
  readonly data: Json;
  readonly money: Money;
  readonly receivedAt: number;
};

/** Effects; or why nothing posts; or what is missing. */
type Meaning =
  | readonly PaymentEvent[]
  | { readonly evidence: string }
  | { readonly waitingFor: 'adapter' | 'object'; readonly reason: string };

const FAMILIES: ReadonlyArray<{
  readonly types: RegExp;
  readonly amount: string;
  readonly meaning: (told: Told) => Meaning;
}> = [
  { types: /^charge\.success$/, amount: 'amount', meaning: charge },
  { types: /^refund\.(?:pending|processing|processed|failed|needs-attention)$/, amount: 'amount', meaning: refund },
  { types: /^charge\.dispute\.(?:create|remind|resolve)$/, amount: 'refund_amount', meaning: dispute },
  { types: /^transfer\.(?:success|failed|reversed)$/, amount: 'amount', meaning: transfer },
];

const EVIDENCE = /^(?:subscription|invoice|paymentrequest|customeridentification|dedicatedaccount)\./;

/** @throws PosternError `unreadable_event`, `amount_invalid` */
export function normalise(event: ReceivedEvent): Normalised {
  const body = parseExactJson(event.body);
  const listed = listedKind(body);
  const told = at(body, 'data') ?? null;
  const type = (listed === null ? textAt(body, 'event') : eventOf(listed, told)) ?? event.type;
  if (listed === 'transaction' && at(told, 'split') === undefined) {
    const needed = transactionNeeded(told, event.fetched);
    if (needed !== null) return needed;
  }
  const data = (event.fetched === null ? undefined : at(parseExactJson(event.fetched), 'data')) ?? told;
  const about: About = { references: referencesOf(type, data), amount: null };
  const family = FAMILIES.find(({ types }) => types.test(type));
  if (family === undefined) {
    return EVIDENCE.test(type)
      ? noEffect(about, `evidence: ${type} moves no money that a charge does not tell`)
      : unknownType(about, type);
  }
  return parkingUnknownCurrency(about.references, () => {
    const money = moneyAt(data, family.amount);
    if (money === undefined) return deferredFor(about, 'object', `the event has no ${family.amount}`);
    const known: About = { ...about, amount: money };
    const meaning = family.meaning({ type, data, money, receivedAt: event.receivedAt });
    if ('evidence' in meaning) return noEffect(known, meaning.evidence);
    if ('waitingFor' in meaning) return deferredFor(known, meaning.waitingFor, meaning.reason);
    return effectsOf(known, meaning);
  });
}

/** Listed, a transaction may not say what of it is passed on to others, which its webhook says; asked for alone it does. */
function transactionNeeded(listed: Json, fetched: Buffer | null): Normalised | null {
  const [id, reference] = [textAt(listed, 'id'), textAt(listed, 'reference')];
  const about: About = { references: references(['payment', reference]), amount: null };
  if (id === undefined) return deferredFor(about, 'object', 'the transaction has no id');
  if (fetched === null) return fetchFirst(about, { kind: 'transaction', id }, 'whether it was split, only it says');
  return textAt(parseExactJson(fetched), 'data', 'reference') === reference
    ? null
    : deferredFor(about, 'object', `Paystack answered with another transaction than ${id}`);
}

function referencesOf(type: string, data: Json): About['references'] {
  const isTransfer = type.startsWith('transfer.');
  const paid = textAt(data, 'transaction', 'reference') ?? textAt(data, 'transaction_reference');
  return references(
    ['payment', paid ?? (isTransfer ? undefined : textAt(data, 'reference'))],
    ['transfer', isTransfer ? textAt(data, 'transfer_code') : undefined],
    ['refund', type.startsWith('refund.') ? refundId(data) : undefined],
    ['dispute', type.startsWith('charge.dispute.') ? textAt(data, 'id') : undefined],
    ['subscription', textAt(data, 'subscription_code')],
    ['invoice', textAt(data, 'invoice_code')],
  );
}

function timeAt(data: Json, fallback: number, ...names: readonly string[]): number {
  for (const name of names) {
    const time = isoTime(textAt(data, name));
    if (time !== undefined) return time;
  }
  return fallback;
}

function charge({ data, money, receivedAt }: Told): Meaning {
  const payment = textAt(data, 'reference');
  if (payment === undefined) return { waitingFor: 'object', reason: 'the charge has no reference' };
  const status = textAt(data, 'status');
  if (status !== 'success' && status !== 'reversed') {
    return { waitingFor: 'adapter', reason: `the adapter does not know the charge status "${status?.slice(0, 40)}"` };
  }
  const seller = sellerOf(data);
  if (seller === null) {
    return { waitingFor: 'adapter', reason: 'the charge is split, and the share of a single seller is not told' };
  }
  const at = timeAt(data, receivedAt, 'paid_at', 'paidAt', 'created_at', 'createdAt');
  const fee = moneyAt(data, 'fees');
  const captured: PaymentEvent = {
    type: 'payment.captured',
    key: `${payment}:captured`,
    at,
    payment,
    ...money,
    ...(seller === undefined ? {} : { seller }),
  };
  if (fee === undefined || fee.amount === 0n) return [captured];
  const told = { at, reference: payment, of: 'payment', ...fee } as const;
  return [captured, { type: 'payment.fee_known', key: `${payment}:fee`, ...told }];
}

/**
 * What Paystack passes on: `split.shares.subaccounts` (paystack.com/docs/payments/multi-split-payments). Null where the
 * charge is split among several, or by the older subaccount whose share is not told in the event.
 */
function sellerOf(data: Json): { readonly id: string; readonly amount: bigint } | null | undefined {
  const shares = listAt(data, 'split', 'shares', 'subaccounts');
  const [share] = shares;
  if (share === undefined) {
    const split = textAt(data, 'split', 'split_code') ?? textAt(data, 'subaccount', 'subaccount_code');
    return split === undefined ? undefined : null;
  }
  const id = textAt(share, 'subaccount_code');
  const currency = textAt(data, 'currency');
  if (shares.length > 1 || id === undefined || currency === undefined || !isObject(share)) return null;
  const amount = moneyAt({ amount: share.amount, currency }, 'amount')?.amount;
  return amount === undefined ? null : { id, amount };
}

function refundId(data: Json): string | undefined {
  return textAt(data, 'id') ?? textAt(data, 'refund_reference');
}

/**
 * A refund has no reference until it is processed, so only its end can be told from that of another refund of the same
 * payment; what is promised before posts with it.
 */
function refund({ type, data, money, receivedAt }: Told): Meaning {
  if (type !== 'refund.processed' && type !== 'refund.failed') {
    return { evidence: `evidence: the refund is ${type.slice('refund.'.length)}; its end will tell which one it was` };
  }
  const id = refundId(data);
  if (id === undefined) return { waitingFor: 'object', reason: 'the refund has no reference of its own' };
  const what = type === 'refund.processed' ? 'succeeded' : 'failed';
  const payment = textAt(data, 'transaction_reference');
  return [
    {
      type: `refund.${what}`,
      key: `${id}:${what}`,
      at: timeAt(data, receivedAt, 'refunded_at', 'updated_at', 'created_at'),
      refund: id,
      ...(payment === undefined ? {} : { payment }),
      ...money,
    },
  ];
}

/** Money leaves when a dispute is accepted, by us or because nobody answered. paystack.com/docs/payments/manage-disputes */
function dispute({ type, data, money, receivedAt }: Told): Meaning {
  const id = textAt(data, 'id');
  const resolution = textAt(data, 'resolution');
  if (type !== 'charge.dispute.resolve') return { evidence: 'evidence: the dispute is open, and has moved no money' };
  if (id === undefined) return { waitingFor: 'object', reason: 'the dispute has no id' };
  const at = timeAt(data, receivedAt, 'resolvedAt', 'resolved_at', 'updated_at', 'created_at');
  const told = { at, dispute: id, ...money };
  switch (resolution) {
    case 'merchant-accepted':
    case 'auto-accepted':
      return [
        { type: 'dispute.withdrawn', key: `${id}:withdrawn`, ...told },
        { type: 'dispute.lost', key: `${id}:lost`, ...told },
      ];
    case 'declined':
      return { evidence: 'evidence: the dispute was declined, and has moved no money' };
    default:
      return {
        waitingFor: 'adapter',
        reason: `the adapter does not know the resolution "${resolution?.slice(0, 40)}"`,
      };
  }
}

/** From the balance to somebody's bank account. Reversed: it had succeeded, whichever of the two is seen first. */
function transfer({ type, data, money, receivedAt }: Told): Meaning {
  if (type === 'transfer.failed') return { evidence: 'evidence: the transfer failed, and moved no money' };
  const id = textAt(data, 'transfer_code');
  const seller = textAt(data, 'recipient', 'recipient_code');
  if (id === undefined || seller === undefined) {
    return { waitingFor: 'object', reason: 'the transfer has no code or no recipient' };
  }
  const told = { transfer: id, seller, ...money };
  const sent = timeAt(data, receivedAt, 'transferred_at', 'created_at', 'createdAt');
  const created: PaymentEvent = { type: 'transfer.created', key: `${id}:created`, at: sent, ...told };
  if (type === 'transfer.success') return [created];
  const back = timeAt(data, receivedAt, 'updated_at', 'updatedAt', 'created_at');
  return [created, { type: 'transfer.reversed', key: `${id}:reversed`, at: back, ...told }];
}
