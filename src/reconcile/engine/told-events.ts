import type { PaymentEvent } from '../../payment-event.ts';

const AMOUNT = /^-?\d{1,19}$/;

/** Events as the ledger keeps them beside a conflict: JSON, amounts as text. What does not look like one is left out. */
export function toldEvents(told: unknown): PaymentEvent[] {
  if (!Array.isArray(told)) return [];
  return told.flatMap((one: unknown) => (isEvent(one) ? [withAmounts(one) as PaymentEvent] : []));
}

const isEvent = (one: unknown): one is Record<string, unknown> =>
  typeof one === 'object' && one !== null && 'type' in one && 'key' in one && 'at' in one;

/** Every member called `amount`, and `tax`, is money. */
function withAmounts(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      (name === 'amount' || name === 'tax') && typeof member === 'string' && AMOUNT.test(member)
        ? BigInt(member)
        : withAmounts(member),
    ]),
  );
}
