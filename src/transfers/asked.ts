import { createHash } from 'node:crypto';
import type { AccountRef } from '../ledger/chart.ts';

/** What a service asks, before anything is looked up. */
export type Wish =
  | {
      readonly kind: 'transfer';
      /** Credited. */
      readonly source: AccountRef;
      /** Debited. */
      readonly destination: AccountRef;
      readonly currency: string;
      /** Minor units. */
      readonly amount: bigint;
    }
  | {
      readonly kind: 'refund';
      /** Id of the transaction to give back. */
      readonly of: string;
      /** Major units, as sent: its currency is not known yet. Null: all that is left. */
      readonly amount: string | null;
    };

/** A wish on its way, under the key its caller chose. */
export type Asked = {
  /** UUIDv7: the message id. */
  readonly id: string;
  readonly idempotencyKey: string;
  /** `token:{id}` */
  readonly actor: string;
  /** Unix ms. */
  readonly at: number;
  readonly wish: Wish;
};

/** One that can be claimed: whose accounts and currency are known. */
export type Request = {
  readonly asked: Asked;
  readonly source: AccountRef;
  readonly destination: AccountRef;
  readonly currency: string;
  /** Null: all that is left of what it refunds. */
  readonly amount: bigint | null;
  readonly refunds: string | null;
  /** Of the transaction, if it becomes one. */
  readonly transactionId: string;
  /** Hash of what was asked: tells a repetition from another request under the same key. */
  readonly content: Buffer;
};

export function requestOf(asked: Asked, told: Omit<Request, 'asked' | 'content'>): Request {
  const { source, destination, currency, amount, refunds } = told;
  const parts =
    refunds === null
      ? ['transfer', source.path, destination.path, currency, String(amount)]
      : ['refund', refunds, amount === null ? 'all that is left' : String(amount)];
  const content = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  return { ...told, asked, content };
}
