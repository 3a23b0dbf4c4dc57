import type { PaymentEvent } from '../../payment-event.ts';
import type { Sql } from '../../postgres/sql.ts';
import { namedId } from './around-store.ts';
import { type SettledLine, settledLines } from './correction-store.ts';

/**
 * What the webhooks of these would have told, made from the lines that settled them. Nothing where a line does not say enough: a
 * transfer does not name its seller, and a dispute of some processors not itself.
 */
export async function correctionsFor(
  sql: Sql,
  named: readonly { readonly accountId: number; readonly reference: string }[],
): Promise<Map<string, PaymentEvent[]>> {
  const lines = await settledLines(sql, named);
  const byItem = Map.groupBy(lines, namedId);
  return new Map([...byItem].map(([id, mine]) => [id, eventsOf(mine)]));
}

/** Of the lines of one reference, the oldest first. Pure. */
export function eventsOf(lines: readonly SettledLine[]): PaymentEvent[] {
  let captured = 0n;
  const events = lines.flatMap((line): (PaymentEvent | null)[] => {
    // A cost alone moves nothing that is missing, and what is of the component `dispute` tells its movement itself.
    if (line.gross === 0n || line.component === 'dispute') return [];
    captured += line.kind === 'charge' ? amountOf(line).amount : 0n;
    return [eventOf(line, captured)];
  });
  const told = events.filter((event) => event !== null);
  return told.length === events.length ? told : [];
}

const amountOf = ({ payer, gross, currency }: SettledLine) => payer ?? { amount: gross, currency };

/**
 * Under the key of the object's own effect, as its adapter makes it, so that a webhook which comes after all is a replay of it.
 */
function eventOf(line: SettledLine, captured: bigint): PaymentEvent | null {
  const { reference, at, provider } = line;
  const { amount: signed, currency } = amountOf(line);
  // A charge that takes is a capture that was taken back, and does not say which.
  if (COMES_IN[line.kind] === signed < 0n) return null;
  const amount = signed < 0n ? -signed : signed;
  const money = { amount, currency, at };
  const payment = line.payment === null || line.payment === reference ? {} : { payment: line.payment };
  switch (line.kind) {
    case 'charge':
      // Stripe tells the total captured, and its key ends in it (providers/stripe/charge.ts).
      if (provider === 'stripe')
        return {
          type: 'payment.captured',
          key: `${reference}:captured:${captured}`,
          payment: reference,
          runningTotal: true,
          ...money,
          amount: captured,
        };
      return { type: 'payment.captured', key: `${capturedBy(line)}:captured`, payment: reference, ...money };
    case 'refund':
      return { type: 'refund.succeeded', key: `${reference}:succeeded`, refund: reference, ...payment, ...money };
    case 'refund_reversal':
      return { type: 'refund.failed', key: `${reference}:failed`, refund: reference, ...payment, ...money };
    case 'chargeback':
    case 'chargeback_reversal': {
      const took = line.kind === 'chargeback' ? 'withdrawn' : 'reinstated';
      const key = disputeKey(line, took);
      return key === null ? null : { type: `dispute.${took}`, key, dispute: reference, ...money };
    }
    case 'platform_fee':
      return {
        type: signed < 0n ? 'platform_fee.refunded' : 'platform_fee.created',
        key: `${reference}:${signed < 0n ? 'refunded' : 'created'}`,
        fee: reference,
        ...money,
      };
    default:
      return null;
  }
}

const COMES_IN: Readonly<Record<string, boolean>> = {
  charge: true,
  refund: false,
  refund_reversal: true,
  chargeback: false,
  chargeback_reversal: true,
};

/** Where a capture is an object of its own beside its payment, its key begins with that. */
function capturedBy({ provider, source, reference }: SettledLine): string {
  switch (provider) {
    case 'adyen':
    case 'checkout':
    case 'klarna':
      return source ?? reference;
    // The merchant's own texts (providers/worldpay/payments.ts).
    case 'worldpay':
      return [reference, ...(source === null ? [] : [source])].map(encodeURIComponent).join('/');
    default:
      return reference;
  }
}

/** By what adapters name a movement of a dispute; null where no line says it. */
function disputeKey(line: SettledLine, took: 'withdrawn' | 'reinstated'): string | null {
  const { provider, reference, identity, word } = line;
  switch (provider) {
    // Its movements are balance transactions, which the report names its lines by (providers/stripe/dispute.ts).
    case 'stripe':
      return `${identity}:${took}`;
    case 'adyen':
      if (took === 'reinstated') return `${reference}:CHARGEBACK_REVERSED`;
      return `${reference}:${/^second/i.test(word ?? '') ? 'SECOND_CHARGEBACK' : 'CHARGEBACK'}`;
    case 'gocardless':
      return `${reference}:${took === 'withdrawn' ? 'charged_back' : 'chargeback_cancelled'}`;
    case 'worldpay':
      return `${encodeURIComponent(reference)}:charged_back`;
    // Their disputes have ids, which no line tells.
    case 'checkout':
    case 'klarna':
      return null;
    default:
      return `${reference}:${took}`;
  }
}
