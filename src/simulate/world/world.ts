import { createRandom } from '../random.ts';
import { type AccountWorld, createAccountWorld } from './account-world.ts';
import type { Dialect } from './dialect.ts';
import { dialectOf } from './dialects.ts';
import { type Edits, noEdits } from './edits.ts';
import { type FaultKind, faultOf } from './faults.ts';
import type { Label } from './label.ts';
import { SETTLED_WITHIN_DAYS } from './life-movements.ts';
import { numbersOf } from './lives.ts';
import { dayAfter, midnight } from './local-time.ts';
import { type BankFormatName, hourOf, type WorldAccount, type WorldCalendar } from './world-account.ts';

export type WorldPlan = {
  readonly seed: string | number;
  /** `2026-03-02`: the day before the first. */
  readonly start: string;
  readonly livesPerDay: number;
  /** Accounts, each with its own faults; those of one account are done to different payments and batches. */
  readonly accounts: readonly PlannedAccount[];
};

export type PlannedAccount = {
  readonly provider: string;
  readonly faults: readonly FaultKind[];
  /** Absent: the processor's in turn. */
  readonly currency?: string;
};

export type World = {
  readonly seed: string;
  readonly accounts: readonly AccountWorld[];
  /** Unix ms: when what is past its window is counted. */
  readonly lookedAt: number;
  readonly labels: readonly Label[];
};

/** Of a number of days with which a week's windows pass and a tail is still in transit. */
const DAYS = 14;
const BATCHES = 12;
/** Until the last batch is at the bank, and a statement after it. */
const DAYS_LONG_AGO = BATCHES + 3;
const WINDOWS = { settlement_days: 7, payout_days: 7, bank_days: 5 };
/** Payments and batches that are past every window when the world is looked at. */
const PAYMENT_DAYS = [2, 3] as const;
const BATCH_TARGETS = [4, 5, 6] as const;
const BANK_FORMATS: readonly BankFormatName[] = ['camt.053', 'mt940', 'bai2'];

/**
 * The world of a plan: what truly happened, what was told, reported and paid of it, and what is to be found. The same plan is the
 * same world.
 *
 * @throws RangeError for a fault that its processor's reports cannot show, or more faults than there is room for.
 */
export function createWorld(plan: WorldPlan): World {
  const seed = String(plan.seed);
  const worlds: AccountWorld[] = [];
  const pending: (() => readonly Label[])[] = [];
  const turns = new Map<string, number>();
  for (const planned of plan.accounts) {
    const dialect = dialectOf(planned.provider);
    const turn = turns.get(planned.provider) ?? 0;
    turns.set(planned.provider, turn + 1);
    const made = makeAccount(planned, turn, String(worlds.length + 1), agoOf(planned));
    worlds.push(made.world);
    const needsSibling = planned.faults.includes('wrong_account');
    const currency = made.account.currency.code;
    const sibling = needsSibling
      ? makeAccount({ provider: planned.provider, faults: [], currency }, turn, `${worlds.length}b`, agoOf(planned))
      : null;
    if (sibling !== null) worlds.push(sibling.world);
    pending.push(...injected(dialect, planned.faults, made, sibling));
  }
  const labels = pending.flatMap((labelsOf) => labelsOf());
  const [first] = worlds;
  const lookedAt = first === undefined ? 0 : endOf(plan.start, first.account);
  return { seed, accounts: worlds, lookedAt, labels };

  function makeAccount(planned: PlannedAccount, turn: number, number: string, daysAgo: number): Made {
    const dialect = dialectOf(planned.provider);
    const { provider } = dialect.simulator;
    const known =
      planned.currency === undefined
        ? dialect.currencies
        : dialect.currencies.filter(({ code }) => code === planned.currency);
    const currency = known[turn % known.length];
    if (currency === undefined)
      throw new RangeError(`${provider} is not settled in ${planned.currency ?? 'anything'} here`);
    const name = `sim${provider}${number}`;
    const random = createRandom(`${seed}/${name}`);
    const word = (WORDS[provider] ?? provider).toUpperCase();
    const bankAccount = `NL${random.text(2, '0123456789')}SIMB${random.text(10, '0123456789')}`;
    const calendar = calendarOf(plan.livesPerDay, daysAgo);
    const start = dayAfter(plan.start, -daysAgo);
    const account: WorldAccount = {
      dialect,
      name,
      seed: `${seed}/${name}`,
      currency,
      startsAt: midnight(start, dialect.zone),
      calendar,
      bank: { account: bankAccount, format: bankFormat(turn), word },
      settings: {
        ...dialect.settings,
        ...WINDOWS,
        time_zone: dialect.zone,
        settlement_mode: dialect.mode,
        // Where reports say what was there before them, the first one's day: an earlier one would be missing.
        live_from: dialect.mode === 'balance' ? dayAfter(start, FIRST_REPORT_DAY) : start,
        bank_account: bankAccount,
        bank_pattern: { text: word },
        ...(planned.faults.includes('fee_above_contract')
          ? { fee_contract: [{ currency: currency.code, percent: '2.9', fixed: String(3n * currency.step) }] }
          : {}),
      },
    };
    const edits = noEdits();
    return { account, edits, world: createAccountWorld(account, edits) };
  }
}

/** Of the first batch, which is reported the day after. */
const FIRST_REPORT_DAY = 2;

const agoOf = ({ faults }: PlannedAccount): number => Math.max(0, ...faults.map((kind) => faultOf(kind).daysAgo ?? 0));

function calendarOf(livesPerDay: number, daysAgo: number): WorldCalendar {
  if (daysAgo === 0) return { days: DAYS, batches: BATCHES, livesPerDay, long: null };
  const long = { daysAgo, livesUntil: BATCHES, livelyUntil: BATCHES - SETTLED_WITHIN_DAYS };
  return { days: DAYS_LONG_AGO, batches: BATCHES, livesPerDay, long };
}

/** When the world is looked at: the end of its last day. */
const endOf = (start: string, { dialect }: WorldAccount): number =>
  hourOf({ startsAt: midnight(start, dialect.zone) }, DAYS + 1, 0);

type Made = { readonly account: WorldAccount; readonly edits: Edits; readonly world: AccountWorld };

const WORDS: Readonly<Record<string, string>> = { checkout: 'Checkout com', gocardless: 'GoCardless' };

const bankFormat = (turn: number): BankFormatName => BANK_FORMATS[turn % BANK_FORMATS.length] ?? 'camt.053';

function injected(
  dialect: Dialect,
  faults: readonly FaultKind[],
  { account, edits, world }: Made,
  sibling: Made | null,
): (() => readonly Label[])[] {
  const payments = PAYMENT_DAYS.flatMap((day) => {
    const [first, last] = numbersOf(account, day);
    return Array.from({ length: Math.min(last - first + 1, FAULTS_A_DAY_MAX) }, (_, index) => first + index);
  });
  const batches: number[] = [...BATCH_TARGETS];
  const newest = [account.calendar.batches];
  return faults.map((kind) => {
    const fault = faultOf(kind);
    const { provider } = dialect.simulator;
    if (!fault.fits(dialect)) throw new RangeError(`${kind} cannot happen, or be seen, at ${provider}`);
    if (fault.target === 'newest_batch' && account.calendar.long !== null)
      throw new RangeError(`${kind} is of the newest report, and that of an account so old is none`);
    const number = fault.target === 'payment' ? payments.shift() : 0;
    const batch = fault.target === 'payment' ? 0 : (fault.target === 'batch' ? batches : newest).shift();
    if (number === undefined || batch === undefined)
      throw new RangeError(`no room for ${kind}: ${faults.length} faults are too many for one account of ${provider}`);
    if (fault.shape !== undefined) edits.shapes.set(number, fault.shape(account));
    if (fault.target === 'batch') quieten(account, edits, batch);
    const labelsOf = fault.inject({ account, edits, number, batch, sibling });
    return () =>
      labelsOf(world).map(
        (expected): Label => ({
          class: expected.class,
          provider,
          account: expected.account ?? account.name,
          reference: expected.reference,
          currency: expected.currency,
          delta: expected.delta === null ? null : String(expected.delta),
          fault: kind,
        }),
      );
  });
}

/** In a world of thousands a day faults stay few, and their payments are found again without a search. */
const FAULTS_A_DAY_MAX = 100;

/** Nothing that is settled over several days, so that a batch is more than nothing, and can be missing without leaving halves. */
function quieten(account: WorldAccount, edits: Edits, batch: number): void {
  for (let day = Math.max(1, batch - SETTLED_WITHIN_DAYS); day <= batch; day += 1) {
    const [first, last] = numbersOf(account, day);
    for (let number = first; number <= Math.min(last, first + QUIETENED_MAX); number += 1)
      if (!edits.shapes.has(number))
        edits.shapes.set(number, { captures: null, captureFails: false, refunds: [], dispute: null });
  }
}

const QUIETENED_MAX = 1_000;
