import type { Life } from './life.ts';

/** What a processor would send about one step of a life, before it is signed. */
export type ToldEvent = {
  /** Unix milliseconds: when the processor would send it first. */
  readonly at: number;
  /** `thin`: to the account's second endpoint. */
  readonly destination: 'main' | 'thin';
  /** The event as JSON text; Adyen: one notification item. */
  readonly content: string;
};

/** A life in a processor's own words, in the order in which it happens. Pure. */
export type Teller = (life: Life, account: string) => ToldEvent[];

/** Amounts of simulated lives are small, so a JS number holds them exactly where a processor writes JSON numbers. */
export function wireNumber(amount: bigint): number {
  return Number(amount);
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
