import type { LifeCurrency } from '../../life.ts';

/** A booking on the bank account, as it truly is. */
export type BankBooking = {
  /** Unix ms: its day. */
  readonly at: number;
  /** Minor units; what came in is positive. */
  readonly amount: bigint;
  readonly endToEnd: string | null;
  readonly text: string;
  readonly party: string;
  /** The bank's own id of it. */
  readonly bankReference: string;
};

export type Statement = {
  readonly account: string;
  readonly currency: LifeCurrency;
  readonly number: number;
  /** Unix ms of the two days. */
  readonly from: number;
  readonly to: number;
  readonly opening: bigint;
  readonly closing: bigint;
  readonly bookings: readonly BankBooking[];
  readonly zone: string;
};
