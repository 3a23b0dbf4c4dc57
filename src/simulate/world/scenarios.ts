import type { Shape } from './lives.ts';
import type { LongAgo, WorldAccount, WorldCalendar } from './world-account.ts';

/** Beyond what a double holds: 2^53 + 1001. */
const HUGE = 2n ** 53n + 1_001n;

/** What every account goes through on its first day, so that even a small world has the edge cases; then chance has it. */
const SCENARIOS: ReadonlyArray<(account: WorldAccount) => Shape | undefined> = [
  // Captured in parts, the rest released.
  ({ currency: { step } }) => ({
    ...QUIET,
    amount: 9_000n * step,
    captures: [4_000n * step, 2_500n * step, 1_000n * step],
    feeTold: 'after',
  }),
  // Several refunds; one fails at once, one comes back later.
  ({ currency: { step } }) => ({
    ...QUIET,
    amount: 12_000n * step,
    captures: null,
    feeTold: 'before',
    refunds: [
      { amount: 3_000n * step, outcome: 'succeeded' },
      { amount: 2_000n * step, outcome: 'failed_later' },
      { amount: 1_500n * step, outcome: 'failed' },
      { amount: 500n * step, outcome: 'succeeded' },
    ],
  }),
  // Withdrawn, given back, withdrawn again and lost.
  ({ currency: { step } }) => ({
    ...QUIET,
    amount: 20_000n * step,
    captures: null,
    feeTold: 'never',
    dispute: {
      amount: 20_000n * step,
      fee: 1_500n * step,
      movements: ['withdrawn', 'reinstated', 'withdrawn'],
      outcome: 'lost',
    },
  }),
  // An MT940 has room for 15 characters.
  ({ dialect, bank, currency: { step } }) =>
    dialect.extremes !== 'none' && bank.format !== 'mt940'
      ? { ...QUIET, amount: HUGE - (HUGE % step), captures: null, feeTold: 'after' }
      : undefined,
  ({ dialect }) =>
    dialect.extremes === 'all' ? { ...QUIET, amount: 0n, captures: null, feeTold: 'never' } : undefined,
  ({ dialect, currency }) =>
    dialect.fx !== 'none' && currency.exponent === 2 && currency.code !== 'GBP'
      ? { ...QUIET, amount: 7_350n, captures: null, payer: 'GBP', refunds: [{ amount: 1_234n, outcome: 'succeeded' }] }
      : undefined,
];

/** Nothing but what the scenario adds. */
const QUIET: Shape = { captures: null, captureFails: false, refunds: [], dispute: null };

/** On the day after a large refund little is sold: the batch comes to less than nothing. */
const LEAN_DAY = 9;
const LEAN_LIVES_MAX = 12;

export function shapeOf(account: WorldAccount, number: number): Shape | undefined {
  const { calendar, currency, dialect } = account;
  const scenario = SCENARIOS[number - 1]?.(account);
  if (scenario === undefined && calendar.long !== null) return lateShape(calendar, calendar.long, number);
  if (scenario !== undefined || calendar.livesPerDay > LEAN_LIVES_MAX || !dialect.negatives) return scenario;
  const day = 1 + Math.floor((number - 1) / calendar.livesPerDay);
  if (day === LEAN_DAY) return { ...QUIET, amount: (300n + BigInt(number)) * currency.step };
  if (day !== LEAN_DAY - 1 || (number - 1) % calendar.livesPerDay !== 0) return undefined;
  const amount = 50_000n * currency.step;
  return { ...QUIET, amount, refunds: [{ amount: amount - 1_000n * currency.step, outcome: 'succeeded' }] };
}

/** Where only what faults leave is to be open after months: every refund has its line, and no dispute is without its end. */
function lateShape({ livesPerDay }: WorldCalendar, { livelyUntil }: LongAgo, number: number): Shape {
  const day = 1 + Math.floor((number - 1) / livesPerDay);
  return day <= livelyUntil ? { dispute: null } : { dispute: null, refunds: [], captures: null, captureFails: false };
}
