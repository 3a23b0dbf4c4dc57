import type { EndpointSettings } from '../../providers/provider.ts';
import type { LifeCurrency } from '../life.ts';
import type { Dialect } from './dialect.ts';

/** One processor account of a world, apart from all others: what happens in it depends on its seed and its faults alone. */
export type WorldAccount = {
  readonly dialect: Dialect;
  /** As webhooks and reports name it; unique in the world. */
  readonly name: string;
  readonly seed: string;
  /** What it is settled in; payers may pay in another. */
  readonly currency: LifeCurrency;
  /** Unix ms: midnight, in the account's zone, of the day before the first. */
  readonly startsAt: number;
  readonly calendar: WorldCalendar;
  readonly bank: BankOfAccount;
  readonly settings: EndpointSettings;
};

/**
 * Lives begin on the days 1 to `days`; what moves on a day is reported in the batch of that day's number, the morning after, and
 * there are `batches` of them: what the last days brought is in transit. A payout is at the bank a day after its batch.
 */
export type WorldCalendar = {
  readonly days: number;
  readonly batches: number;
  readonly livesPerDay: number;
  readonly long: LongAgo | null;
};

/** An account that fell silent long before the world is looked at: all of it was settled and paid out, and nothing is in transit. */
export type LongAgo = {
  readonly daysAgo: number;
  /** The last day on which lives begin, and the last of those with more to them than a payment. */
  readonly livesUntil: number;
  readonly livelyUntil: number;
};

export type BankOfAccount = {
  /** As the statement names it. */
  readonly account: string;
  readonly format: BankFormatName;
  /** What the processor calls itself in the bank's text. */
  readonly word: string;
};

export type BankFormatName = 'camt.053' | 'mt940' | 'bai2';

const HOUR = 3_600_000;
/** Some time on the day: where clocks are changed, a day's first hour would be another day's. */
export const BANK_HOUR = 6;
export const DAY = 24 * HOUR;

/** Unix ms of an hour of a day of the world. */
export const hourOf = ({ startsAt }: Pick<WorldAccount, 'startsAt'>, day: number, hour: number): number =>
  startsAt + day * DAY + hour * HOUR;

/** When a batch is closed and reported: in the morning of the day after. */
export const bookedAt = (account: WorldAccount, batch: number): number => hourOf(account, batch + 1, 3);
export const paidAt = (account: WorldAccount, batch: number): number => hourOf(account, batch + 1, 4);
/** The booking day of its bank line. */
export const atBankAt = (account: WorldAccount, batch: number): number => hourOf(account, batch + 2, BANK_HOUR);
