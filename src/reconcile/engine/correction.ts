import type { PaymentEvent } from '../../payment-event.ts';
import type { Sql } from '../../postgres/sql.ts';
import { namedId } from './around-store.ts';
import { type SettledLine, settledLines } from './correction-store.ts';

/**
 * What the webhooks of these would have told, made from the lines that settled them. Nothing where a line does not say enough: a
 * transfer does not name its seller.
 */
export async function correctionsFor(
  sql: Sql,
  named: readonly { readonly accountId: number; readonly reference: string }[],
): Promise<Map<string, PaymentEvent[]>> {
  const lines = await settledLines(sql, named);
  const byItem = Map.groupBy(lines, namedId);
  return new Map(
    [...byItem].map(([id, mine]) => {
      const events = mine.map(eventOf);
      return [id, events.every((event) => event !== null) ? events.filter((event) => event !== null) : []];
    }),
  );
}

/**
 * Under the key of the object's own effect, as its adapter makes it, so that a webhook which comes after all is a replay of it.
 */
export function eventOf(line: SettledLine): PaymentEvent | null {
  const { reference, at, provider } = line;
  const { amount: signed, currency } = line.payer ?? { amount: line.gross, currency: line.currency };
  const amount = signed < 0n ? -signed : signed;
  const money = { amount, currency, at };
  const payment = line.payment === null || line.payment === reference ? {} : { payment: line.payment };
  switch (line.kind) {
    case 'charge':
      // Stripe tells the total captured, and its key ends in it (providers/stripe/charge.ts).
      if (provider === 'stripe')
        return {
          type: 'payment.captured',
          key: `${reference}:captured:${amount}`,
          payment: reference,
          runningTotal: true,
          ...money,
        };
      return { type: 'payment.captured', key: `${capturedBy(line)}:captured`, payment: reference, ...money };
    case 'refund':
      return { type: 'refund.succeeded', key: `${reference}:succeeded`, refund: reference, ...payment, ...money };
    case 'refund_reversal':
      return { type: 'refund.failed', key: `${reference}:failed`, refund: reference, ...payment, ...money };
    case 'chargeback':
    case 'chargeback_reversal': {
      const took = line.kind === 'chargeback' ? 'withdrawn' : 'reinstated';
      const component = line.component === 'dispute' ? ({ component: 'dispute' } as const) : {};
      // Stripe's movements are balance transactions, which the report names its lines by (providers/stripe/dispute.ts).
      const movement = provider === 'stripe' ? line.identity : reference;
      return { type: `dispute.${took}`, key: `${movement}:${took}`, dispute: reference, ...component, ...money };
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

/** Where a capture is an object of its own beside its payment, its key begins with that. */
function capturedBy({ provider, source, reference }: SettledLine): string {
  return (provider === 'adyen' || provider === 'checkout') && source !== null ? source : reference;
}
