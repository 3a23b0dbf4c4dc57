import { worldpay } from '../../../src/providers/worldpay/index.ts';
import type { ListedCase, Made } from '../../support/object-lists.ts';
import { worldpayEvent } from './samples.ts';

const value = (amount: number) => ({ amount, currency: 'EUR' });

/** Payment 1 was a sale, 2 settled whole, 3 settled and refunded in parts, 4 cancelled. */
function history(n: number): object[] {
  const authorised = { eventName: 'authorizationSucceeded' };
  switch (n) {
    case 1:
      return [{ eventName: 'saleRequested' }, { eventName: 'saleSucceeded' }];
    case 2:
      return [
        authorised,
        { eventName: 'settlementRequested', type: 'fullSettlement', value: value(2500) },
        { eventName: 'settlementRequestSubmitted' },
      ];
    case 3:
      return [
        authorised,
        { eventName: 'settlementRequested', type: 'partialSettlement', settlementReference: 'a', value: value(1000) },
        { eventName: 'settlementRequestSubmitted' },
        { eventName: 'settlementRequested', type: 'partialSettlement', settlementReference: 'b', value: value(500) },
        { eventName: 'settlementRequestSubmitted' },
        { eventName: 'refundRequested', type: 'partialRefund', refundReference: 'r', value: value(300) },
        { eventName: 'refundRequestSubmitted' },
      ];
    default:
      return [authorised, { eventName: 'cancellationRequested' }, { eventName: 'cancellationRequestSubmitted' }];
  }
}

const BECAUSE: Readonly<Record<string, readonly number[]>> = {
  saleSucceeded: [1],
  settlementRequestSubmitted: [2, 3],
  refundRequestSubmitted: [3],
  cancellationRequestSubmitted: [4],
};

function made(n: number, { at }: Made): object {
  const timestamp = new Date(at + n * 1_000).toISOString();
  return { timestamp, paymentId: `payMade${n}`, transactionReference: `made-order-${n}`, value: value(2500) };
}

/** What webhooks tell of each, one event a line. */
const TOLD: Readonly<Record<number, readonly (readonly [type: string, details: object])[]>> = {
  1: [['sentForSettlement', {}]],
  2: [
    ['authorized', {}],
    ['settled', {}],
  ],
  3: [
    ['authorized', {}],
    ['sentForSettlement', { reference: 'a', amount: { value: 1000, currencyCode: 'EUR' } }],
    ['sentForSettlement', { reference: 'b', amount: { value: 500, currencyCode: 'EUR' } }],
    ['sentForRefund', { reference: 'r', amount: { value: 300, currencyCode: 'EUR' } }],
  ],
  4: [
    ['authorized', {}],
    ['cancelled', {}],
  ],
};

/** Each webhook is a movement here: 31 is the second of what happened to payment 3. */
const movements = Object.entries(TOLD).flatMap(([n, events]) => events.map((_event, i) => Number(n) * 10 + i));

export const listed: ListedCase = {
  provider: worldpay,
  settings: () => ({ api_key: 'made_user:made_password', mode: 'live' }),
  answer({ path, query }, _numbers, of) {
    const [, id] = /^\/paymentQueries\/payments\/payMade(\d)$/.exec(path) ?? [];
    if (id !== undefined) return { ...made(Number(id), of), events: history(Number(id)) };
    const found = BECAUSE[query.get('receivedEvents') ?? ''] ?? [];
    // One on a page, the newest first.
    const at = query.get('paymentId');
    const all = found.toReversed().map((n) => made(n, of));
    const from = at === null ? 0 : found.toReversed().findIndex((n) => `payMade${n}` === at);
    const rest = all.slice(from + 1);
    const endDate = new Date(of.at + 60_000).toISOString();
    const next = found.toReversed()[from + 1];
    const href = `/paymentQueries/payments?endDate=${endDate}&paymentId=payMade${next}&pageSize=1`;
    const links = rest.length === 0 ? {} : { next: { href } };
    return { _links: { self: { href: path }, ...links }, _embedded: { payments: all.slice(from, from + 1) } };
  },
  webhook(movement) {
    const [n, i] = [Math.floor(movement / 10), movement % 10];
    const [type = '', details = {}] = TOLD[n]?.[i] ?? [];
    const about = { transactionReference: `made-order-${n}`, ...details };
    return { body: worldpayEvent(type, about, { eventId: `made-event-${movement}` }).toString() };
  },
  posts: Object.fromEntries(
    movements.map((movement) => [
      movement,
      {
        10: ['made-order-1:captured 2500'],
        20: ['made-order-2:authorised 2500'],
        21: ['made-order-2:captured 2500'],
        30: ['made-order-3:authorised 2500'],
        31: ['made-order-3/a:captured 1000'],
        32: ['made-order-3/b:captured 500'],
        33: ['made-order-3/r:created 300'],
        40: ['made-order-4:authorised 2500'],
      }[movement] ?? [],
    ]),
  ),
  permission: /403.*Payment Queries API/,
  nonsense: [
    '[]',
    '{"_embedded":{"payments":[]}}',
    '{"_links":{},"_embedded":{}}',
    '{"_links":{"next":{"href":"/x"}},"_embedded":{"payments":[]}}',
    '{"_links":{"next":{"href":"/x?endDate=2026-01-01T00:00:00Z&paymentId=p"}}}',
  ],
};
