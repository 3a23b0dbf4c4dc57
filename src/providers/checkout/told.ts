import { at, type Json, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import { isoTime } from '../iso-time.ts';

/** What an event's `data` tells that every rule needs. Times are unix ms. */
export type Told = {
  readonly type: string;
  readonly data: Json | undefined;
  readonly at: number;
  readonly money: Money;
};

export function timeOf(body: Json, receivedAt: number): number {
  return (
    isoTime(textAt(body, 'data', 'processed_on')) ??
    isoTime(textAt(body, 'data', 'date')) ??
    isoTime(textAt(body, 'created_on')) ??
    isoTime(textAt(body, 'timestamp')) ??
    receivedAt
  );
}

/** Money to somebody's card or bank account, which Checkout.com calls a payment as well. */
export function isPayout(data: Json | undefined): boolean {
  return at(data, 'destination') !== undefined || textAt(data, 'source', 'type') === 'currency_account';
}
