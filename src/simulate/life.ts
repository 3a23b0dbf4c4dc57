import { currencyExponent } from '../currency.ts';
import { HEX, type Random } from './random.ts';

/**
 * The life of one payment, in no processor's words: what is authorised, captured, given back, disputed and paid out,
 * and what goes wrong later. Each processor's teller (`stripe.ts` …) turns it into that processor's events.
 */
export type Life = {
  readonly number: number;
  /** Unix milliseconds; everything after it happens in steps of minutes. */
  readonly startedAt: number;
  readonly currency: string;
  /** ISO 4217 digits after the point. */
  readonly exponent: number;
  /** What the payer agreed to, in minor units. */
  readonly amount: bigint;
  /** The parts captured of a payment authorised separately; null: captured at once, whole. */
  readonly captures: readonly bigint[] | null;
  /** The processor takes the (last) capture back. Nothing follows it. */
  readonly captureFails: boolean;
  readonly fee: { readonly amount: bigint; readonly told: 'before' | 'after' | 'never' };
  readonly refunds: readonly LifeRefund[];
  readonly dispute: LifeDispute | null;
  readonly payout: { readonly amount: bigint; readonly fails: boolean } | null;
  /** Every event is told a second time, thin, to a second endpoint of the same account. */
  readonly twin: boolean;
  /** For the ids and texts of this life. */
  readonly random: Random;
};

export type LifeRefund = { readonly amount: bigint; readonly outcome: 'succeeded' | 'failed' | 'failed_later' };

export type LifeDispute = {
  readonly amount: bigint;
  readonly fee: bigint;
  /** Alternating, `withdrawn` first. */
  readonly movements: ReadonlyArray<'withdrawn' | 'reinstated'>;
  readonly outcome: 'won' | 'lost' | 'open';
};

export type LifeCurrency = { readonly code: string; readonly exponent: number; readonly step: bigint };

/** KWD in tens: where three decimals exist, some processors want the last to be 0. */
export const CURRENCIES: readonly LifeCurrency[] = [
  { code: 'EUR', exponent: 2, step: 1n },
  { code: 'USD', exponent: 2, step: 1n },
  { code: 'GBP', exponent: 2, step: 1n },
  { code: 'JPY', exponent: 0, step: 1n },
  { code: 'KWD', exponent: 3, step: 10n },
];

const MINUTE = 60_000;
const REFUNDS_MAX = 3;
const CAPTURES_MAX = 3;

export function liveOnce(number: number, startedAt: number, random: Random, taken = CURRENCIES): Life {
  const { code, exponent, step } = random.pick(taken);
  const amount = BigInt(random.between(200, 60_000)) * step;
  const captures = random.chance(0.4) ? parts(amount, random.between(1, CAPTURES_MAX), random, step) : null;
  const captured = captures === null ? amount : captures.reduce((sum, part) => sum + part, 0n);
  const captureFails = random.chance(0.06);
  const disputed = !captureFails && random.chance(0.12);
  return {
    number,
    startedAt,
    currency: code,
    exponent,
    amount,
    captures,
    captureFails,
    fee: { amount: share(captured, 29n, step) + 3n * step, told: random.pick(['before', 'after', 'after', 'never']) },
    refunds: captureFails || disputed ? [] : refundsOf(captured, random, step),
    dispute: disputed ? disputeOf(captured, random, step) : null,
    payout: !captureFails && random.chance(0.3) ? { amount: captured, fails: random.chance(0.25) } : null,
    twin: random.chance(0.2),
    random: random.fork('told'),
  };
}

/** The currencies a processor takes, of those above and its own; ISO 4217 digits. */
export function currencies(...codes: readonly string[]): readonly LifeCurrency[] {
  return codes.map(
    (code) => CURRENCIES.find((one) => one.code === code) ?? { code, exponent: currencyExponent(code) ?? 2, step: 1n },
  );
}

/** The `n`th moment of a life: two minutes after the last. */
export function moment(life: Life, n: number): number {
  return life.startedAt + n * 2 * MINUTE;
}

/** A text that depends on the life and the label alone, however often and in whatever order it is asked for. */
export function stableText(life: Life, label: string, length: number, alphabet?: string): string {
  return life.random.fork(label).text(length, alphabet);
}

/** A UUID of version 4, by its look. */
export function stableUuid(life: Life, label: string): string {
  const hex = stableText(life, label, 30, HEX);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18)}`;
}

/** Some or all of `whole`, in `count` parts of at least one step. */
function parts(whole: bigint, count: number, random: Random, step: bigint): bigint[] {
  let left = whole;
  const made: bigint[] = [];
  for (let i = 1; i <= count && left > 10n * step; i += 1) {
    const all = i === count && random.chance(0.6);
    const part = all ? left : atLeast(share(left, BigInt(random.between(200, 800)), step), step);
    made.push(part);
    left -= part;
  }
  return made;
}

function refundsOf(captured: bigint, random: Random, step: bigint): LifeRefund[] {
  if (!random.chance(0.35)) return [];
  return parts(captured, random.between(1, REFUNDS_MAX), random, step).map((amount) => ({
    amount,
    outcome: random.pick(['succeeded', 'succeeded', 'succeeded', 'failed', 'failed_later']),
  }));
}

function disputeOf(captured: bigint, random: Random, step: bigint): LifeDispute {
  const movements = (['withdrawn', 'reinstated', 'withdrawn'] as const).slice(0, random.between(1, 3));
  const held = movements.length % 2 === 1;
  return {
    amount: captured,
    fee: 1500n * step,
    movements,
    outcome: random.chance(0.3) ? 'open' : held ? 'lost' : 'won',
  };
}

function share(whole: bigint, thousandths: bigint, step: bigint): bigint {
  return ((whole * thousandths) / 1000n / step) * step;
}

function atLeast(amount: bigint, least: bigint): bigint {
  return amount < least ? least : amount;
}
