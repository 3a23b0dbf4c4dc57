import type { Abilities } from '../fit-life.ts';
import { createRandom } from '../random.ts';
import type { ToldEvent } from '../told-event.ts';
import type { AccountWorld } from './account-world.ts';
import type { Dialect } from './dialect.ts';
import type { Edits, Reported } from './edits.ts';
import type { DiscrepancyClass } from './label.ts';
import { movementsOf } from './life-movements.ts';
import type { Shape } from './lives.ts';
import type { Movement } from './movement.ts';
import { bookedAt, type WorldAccount } from './world-account.ts';

/**
 * What may go wrong between a processor, its reports and the bank, and what is to be found of it: by reconciliation.md alone, from
 * what was injected, never from how it is looked for.
 */
export type Fault = {
  /** What it is done to: a payment long settled, a batch long paid out, or the newest batch. */
  readonly target: 'payment' | 'batch' | 'newest_batch';
  /** Whether it can happen at this processor, and be shown in its report. */
  fits(dialect: Dialect): boolean;
  /** What its payment is like; null: nothing about one payment. */
  readonly shape?: (account: WorldAccount) => Shape;
  /** Changes the world, and says what must come of it once the whole world stands. */
  inject(into: Injection): (world: AccountWorld) => readonly Expected[];
};

export type Injection = {
  readonly account: WorldAccount;
  readonly edits: Edits;
  /** The payment's number (target `payment`). */
  readonly number: number;
  readonly batch: number;
  /** Another account of the same processor and currency, for what goes to the wrong one. */
  readonly sibling: { readonly account: WorldAccount; readonly edits: Edits } | null;
};

export type Expected = {
  readonly class: DiscrepancyClass;
  readonly reference: string | null;
  readonly currency: string | null;
  readonly delta: bigint | null;
  /** Where it is found, if not in the account itself. */
  readonly account?: string;
};

/** A payment with nothing to it; `feeTold` as the fault needs it. */
const plain = (feeTold: 'after' | 'never') => (): Shape => ({
  captures: null,
  captureFails: false,
  refunds: [],
  dispute: null,
  feeTold,
});

const always = (): boolean => true;
const nothing = (): readonly Expected[] => [];

/** Another currency of the same decimals. */
const OTHER_CURRENCY: Readonly<Record<string, string>> = {
  EUR: 'USD',
  USD: 'EUR',
  GBP: 'EUR',
  JPY: 'KRW',
  KWD: 'BHD',
  INR: 'USD',
};

const inCurrency =
  (from: string, to: string) =>
  (told: readonly ToldEvent[]): readonly ToldEvent[] =>
    told.map((event) => ({
      ...event,
      content: event.content
        .replaceAll(`"${from}"`, `"${to}"`)
        .replaceAll(`"${from.toLowerCase()}"`, `"${to.toLowerCase()}"`)
        .replaceAll(`>${from}<`, `>${to}<`),
    }));

const chargeOf = (world: AccountWorld, number: number): Movement => movementNamed(world, number, 'capture0');

function movementNamed(world: AccountWorld, number: number, name: string): Movement {
  const found = movementsOf(world.account, world.life(number)).find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`payment ${number} of ${world.account.name} has no ${name}`);
  return found;
}

const tellsAmounts = ({ simulator }: Dialect): boolean => !['gocardless', 'klarna'].includes(simulator.provider);

/** Changes lines of one movement of the target. */
function reported(
  { edits, number }: Injection,
  name: string,
  change: (movement: Movement) => readonly Reported[],
): void {
  edits.movements.set(`${number}:${name}`, change);
}

const shown = (...movements: readonly Movement[]): readonly Reported[] =>
  movements.map((movement) => ({ movement, shown: true }));

const code = ({ account }: { readonly account: WorldAccount }): string => account.currency.code;
const step = ({ account }: { readonly account: WorldAccount }): bigint => account.currency.step;

function payoutOf(world: AccountWorld, batch: number) {
  const { payout } = world.report(batch);
  const { dialect } = world.account;
  return { payout: dialect.payoutReference(payout), batch: dialect.batchReference(payout), amount: payout.amount };
}

export const FAULTS = {
  /** No webhook of a payment and its refund ever came. */
  lost_event: {
    target: 'payment',
    fits: tellsAmounts,
    shape: ({ dialect, currency }) => ({
      ...plain('after')(),
      amount: 4_000n * currency.step,
      refunds:
        abilitiesOf(dialect).refunds === 'none' ? [] : [{ amount: 1_000n * currency.step, outcome: 'succeeded' }],
    }),
    inject(into) {
      into.edits.events.set(into.number, () => []);
      return (world) =>
        movementsOf(into.account, world.life(into.number)).map(({ reference, gross }) => ({
          class: 'missing_in_ledger',
          reference,
          currency: code(into),
          delta: gross,
        }));
    },
  },
  /** Its webhooks came, and wait: their currency is none we know. */
  lost_posting: {
    target: 'payment',
    fits: tellsAmounts,
    shape: plain('after'),
    inject(into) {
      into.edits.events.set(into.number, inCurrency(code(into), 'ZZZ'));
      return (world) => {
        const { reference, gross } = chargeOf(world, into.number);
        return [{ class: 'missing_in_ledger', reference, currency: code(into), delta: gross }];
      };
    },
  },
  /** Every webhook of it twice. */
  duplicate_event: {
    target: 'payment',
    fits: always,
    inject({ edits, number }) {
      edits.events.set(number, (told) => [...told, ...told]);
      return nothing;
    },
  },
  /** One order is paid by two payments, of which the report has one. */
  duplicate_object: {
    target: 'payment',
    fits: ({ simulator }) => ['adyen', 'checkout', 'paypal'].includes(simulator.provider),
    shape: plain('never'),
    inject(into) {
      const { account, edits, number } = into;
      return (world) => {
        const life = world.life(number);
        const other = { ...life, random: createRandom(`${account.seed}/again${number}`) };
        const reference = account.dialect.reference(other, 'charge', 0);
        edits.strays.push(() => account.dialect.simulator.tell(other, account.name));
        return [{ class: 'duplicate_in_ledger', reference, currency: code(into), delta: -life.amount }];
      };
    },
  },
  amount_off: {
    target: 'payment',
    fits: always,
    shape: plain('after'),
    inject(into) {
      reported(into, 'capture0', (movement) => shown({ ...movement, gross: movement.gross + 1n }));
      return (world) => [
        {
          class: 'amount_mismatch',
          reference: chargeOf(world, into.number).reference,
          currency: code(into),
          delta: 1n,
        },
      ];
    },
  },
  wrong_currency: {
    target: 'payment',
    fits: tellsAmounts,
    shape: plain('never'),
    inject(into) {
      const other = OTHER_CURRENCY[code(into)] ?? 'USD';
      into.edits.events.set(into.number, inCurrency(code(into), other));
      return (world) => {
        const { reference, gross } = chargeOf(world, into.number);
        return [
          { class: 'currency_mismatch', reference, currency: other, delta: -gross },
          { class: 'currency_mismatch', reference, currency: code(into), delta: gross },
        ];
      };
    },
  },
  wrong_sign: {
    target: 'payment',
    // Klarna's direction is in the type of a row, and Braintree's sale is none if it takes.
    fits: ({ simulator }) =>
      !['klarna', 'braintree', 'gocardless', 'worldpay', 'checkout', 'mollie', 'razorpay'].includes(simulator.provider),
    shape: ({ currency }) => ({ ...plain('after')(), amount: 2_000n * currency.step }),
    inject(into) {
      reported(into, 'capture0', (movement) => shown({ ...movement, gross: -movement.gross }));
      return (world) => {
        const { reference, gross } = chargeOf(world, into.number);
        return [{ class: 'direction_mismatch', reference, currency: code(into), delta: -2n * gross }];
      };
    },
  },
  /** Found only where a webhook told another. */
  changed_fee: {
    target: 'payment',
    fits: hasFees,
    shape: plain('after'),
    inject(into) {
      const more = 5n * step(into);
      reported(into, 'capture0', (movement) => shown({ ...movement, fee: movement.fee + more }));
      return (world) =>
        world.life(into.number).fee.told !== 'never'
          ? [
              {
                class: 'fee_mismatch',
                reference: chargeOf(world, into.number).reference,
                currency: code(into),
                delta: -more,
              },
            ]
          : [];
    },
  },
  /** Nobody told a fee; the contract did. */
  fee_above_contract: {
    target: 'payment',
    fits: (dialect) => hasFees(dialect) && dialect.costs === 'each',
    shape: plain('never'),
    inject(into) {
      const more = 5n * step(into);
      reported(into, 'capture0', (movement) => shown({ ...movement, fee: movement.fee + more }));
      return (world) => [
        {
          class: 'fee_above_contract',
          reference: chargeOf(world, into.number).reference,
          currency: code(into),
          delta: null,
        },
      ];
    },
  },
  /** A line is gone from the file; what the file says of its sum is not. Nothing of it is posted. */
  line_cut: {
    target: 'newest_batch',
    fits: always,
    inject(into) {
      const number = firstOf(into);
      into.edits.shapes.set(number, plain('after')());
      into.edits.movements.set(`${number}:capture0`, (movement) => [{ movement, shown: false }]);
      return (world) => [
        {
          class: 'file_total_mismatch',
          reference: payoutOf(world, into.batch).batch,
          currency: null,
          delta: null,
        },
      ];
    },
  },
  /** Captured, and never paid: the payout is smaller too. */
  not_settled: {
    target: 'payment',
    fits: always,
    shape: plain('after'),
    inject(into) {
      reported(into, 'capture0', () => []);
      return (world) => {
        const { reference, gross } = chargeOf(world, into.number);
        const life = world.life(into.number);
        const missing: Expected = { class: 'missing_in_settlement', reference, currency: code(into), delta: -gross };
        if (life.fee.told === 'never') return [missing];
        // What was announced to cost was not taken either.
        return [missing, { class: 'fee_mismatch', reference, currency: code(into), delta: life.fee.amount }];
      };
    },
  },
  /** Of a payment captured in two parts one is not settled. */
  part_not_settled: {
    target: 'payment',
    fits: (dialect) =>
      abilitiesOf(dialect).captures === 'parts' &&
      !['paypal', 'klarna', 'worldpay'].includes(dialect.simulator.provider),
    shape: ({ currency: { step: coin } }) => ({
      ...plain('never')(),
      amount: 5_000n * coin,
      captures: [3_000n * coin, 1_200n * coin],
    }),
    inject(into) {
      reported(into, 'capture1', () => []);
      return (world) => {
        const { reference, gross } = movementNamed(world, into.number, 'capture1');
        return [{ class: 'split_incomplete', reference, currency: code(into), delta: -gross }];
      };
    },
  },
  /** Once more under an id of its own, and paid once more. */
  line_doubled: {
    target: 'payment',
    fits: ({ simulator }) => !['razorpay', 'mollie', 'paypal', 'braintree', 'checkout'].includes(simulator.provider),
    shape: plain('never'),
    inject(into) {
      reported(into, 'capture0', (movement) => shown(movement, { ...movement, twin: true }));
      return (world) => {
        const { reference, gross } = chargeOf(world, into.number);
        return [{ class: 'duplicate_in_settlement', reference, currency: code(into), delta: gross }];
      };
    },
  },
  /** Its line stands in the next day's file, and is paid with that. */
  moved: {
    target: 'payment',
    fits: always,
    shape: plain('after'),
    inject(into) {
      reported(into, 'capture0', (movement) => shown(settledIn(into, movement, movement.batch + 1)));
      return nothing;
    },
  },
  /** The same, nine days later. */
  settled_late: {
    target: 'payment',
    fits: always,
    shape: plain('after'),
    inject(into) {
      const late = into.account.calendar.batches - 1;
      reported(into, 'capture0', (movement) => shown(settledIn(into, movement, late)));
      into.edits.movedInto.set(late, [...(into.edits.movedInto.get(late) ?? []), into.number]);
      return (world) => [
        {
          class: 'late_settlement',
          reference: chargeOf(world, into.number).reference,
          currency: code(into),
          delta: null,
        },
      ];
    },
  },
  /** A refund came back, as its webhook said, and the report has it as paid. */
  wrong_status: {
    target: 'payment',
    fits: (dialect) => {
      const { refundFailure, refunds } = abilitiesOf(dialect);
      return refundFailure === 'later' && refunds !== 'none' && tellsAmounts(dialect);
    },
    shape: ({ currency }) => ({
      ...plain('after')(),
      amount: 4_000n * currency.step,
      refunds: [{ amount: 1_500n * currency.step, outcome: 'failed_later' }],
    }),
    inject(into) {
      reported(into, 'refund_reversal0', () => []);
      return (world) => {
        const { reference, gross } = movementNamed(world, into.number, 'refund0');
        return [{ class: 'status_mismatch', reference, currency: code(into), delta: gross }];
      };
    },
  },
  /** Its webhooks came to another account of the same processor. */
  wrong_account: {
    target: 'payment',
    fits: tellsAmounts,
    shape: plain('never'),
    inject(into) {
      const { account, edits, number, sibling } = into;
      if (sibling === null) throw new RangeError(`${account.name} has no other account beside it`);
      edits.events.set(number, () => []);
      return (world) => {
        const { reference, gross } = chargeOf(world, number);
        sibling.edits.strays.push(() => account.dialect.simulator.tell(world.life(number), sibling.account.name));
        return [
          { class: 'wrong_account', reference, currency: code(into), delta: gross },
          { class: 'wrong_account', reference, currency: code(into), delta: -gross, account: sibling.account.name },
        ];
      };
    },
  },
  unknown_kind: {
    target: 'batch',
    fits: ({ simulator }) => !['braintree', 'klarna', 'worldpay', 'mollie'].includes(simulator.provider),
    inject(into) {
      const gross = 33n * step(into);
      const at = bookedAt(into.account, into.batch);
      const unknown: Movement = {
        kind: 'unknown',
        name: `unknown${into.batch}`,
        index: into.batch,
        life: null,
        reference: null,
        at,
        batch: into.batch,
        gross,
        fee: 0n,
        tax: 0n,
      };
      into.edits.extras.set(into.batch, [...(into.edits.extras.get(into.batch) ?? []), unknown]);
      return () => [{ class: 'unknown_kind', reference: null, currency: code(into), delta: gross }];
    },
  },
  /** A file that never came. Where nothing told its payout, the bank's line has none either. */
  file_missing: {
    target: 'batch',
    fits: ({ mode }) => mode !== 'balance',
    inject(into) {
      into.edits.files.set(into.batch, { kind: 'missing' });
      return (world) => {
        const { payout, batch, amount } = payoutOf(world, into.batch);
        if (into.account.dialect.tellPayout !== undefined)
          return [{ class: 'missing_file', reference: payout, currency: code(into), delta: -amount }];
        const credit: Expected = {
          class: 'unidentified_bank_credit',
          reference: null,
          currency: code(into),
          delta: amount,
        };
        if (into.account.dialect.numbered)
          return [{ class: 'missing_file', reference: batch, currency: null, delta: null }, credit];
        // Nothing tells that there was a file: what is in it is missing, each by itself.
        const missing = new Map<string, bigint>();
        for (const { life, reference, gross } of world.report(into.batch).movements())
          if (life !== null && reference !== null) missing.set(reference, (missing.get(reference) ?? 0n) + gross);
        return [
          credit,
          ...[...missing].map(
            ([reference, gross]): Expected => ({
              class: 'missing_in_settlement',
              reference,
              currency: code(into),
              delta: -gross,
            }),
          ),
        ];
      };
    },
  },
  file_twice: {
    target: 'batch',
    fits: always,
    inject({ edits, batch }) {
      edits.files.set(batch, { kind: 'twice' });
      return () => [{ class: 'duplicate_file', reference: null, currency: null, delta: null }];
    },
  },
  file_late: {
    target: 'batch',
    fits: always,
    inject({ edits, batch }) {
      edits.files.set(batch, { kind: 'late' });
      return nothing;
    },
  },
  /** The next report has this batch once more: lines of the same identity are the same lines. */
  file_overlaps: {
    target: 'batch',
    fits: ({ mode, simulator }) => mode === 'payout' && ['stripe'].includes(simulator.provider),
    inject({ edits, batch }) {
      edits.files.set(batch, { kind: 'repeated' });
      return nothing;
    },
  },
  /** Came first with two lines otherwise, of the same sum. */
  file_amended: {
    target: 'batch',
    fits: always,
    inject(into) {
      const first = firstOf(into);
      const more = 100n * step(into);
      for (const number of [first, first + 1])
        into.edits.shapes.set(number, { ...plain('after')(), amount: 3_000n * step(into) });
      into.edits.files.set(into.batch, {
        kind: 'amended',
        change(movement) {
          if (movement.name !== 'capture0') return movement;
          if (movement.life?.number === first) return { ...movement, gross: movement.gross + more };
          return movement.life?.number === first + 1 ? { ...movement, gross: movement.gross - more } : movement;
        },
      });
      return (world) => [
        { class: 'amended_file', reference: payoutOf(world, into.batch).batch, currency: null, delta: null },
      ];
    },
  },
  /** It ends in the middle of a row. */
  file_truncated: {
    target: 'newest_batch',
    fits: always,
    inject({ edits, batch }) {
      edits.files.set(batch, { kind: 'truncated' });
      return () => [{ class: 'unparsed_line', reference: null, currency: null, delta: null }];
    },
  },
  /** A report that begins and ends with more than the ones before and after it say. */
  balance_shifted: {
    target: 'batch',
    fits: ({ mode }) => mode === 'balance',
    inject(into) {
      const by = 77n * step(into);
      into.edits.files.set(into.batch, { kind: 'shifted', by });
      return () => [
        { class: 'roll_forward_break', reference: null, currency: code(into), delta: null },
        { class: 'roll_forward_break', reference: null, currency: code(into), delta: null },
      ];
    },
  },
  /** The processor announced and paid less than its lines come to. */
  payout_short: {
    target: 'batch',
    fits: ({ tellPayout }) => tellPayout !== undefined,
    inject(into) {
      const short = 11n * step(into);
      into.edits.payouts.set(into.batch, { short });
      return (world) => [
        {
          class: 'payout_total_mismatch',
          reference: payoutOf(world, into.batch).payout,
          currency: code(into),
          delta: short,
        },
      ];
    },
  },
  /** Lines, and neither payout nor money. */
  payout_missing: {
    target: 'batch',
    fits: ({ mode, tellPayout, simulator }) =>
      mode === 'payout' && tellPayout !== undefined && simulator.provider === 'stripe',
    inject(into) {
      into.edits.payouts.set(into.batch, { missing: true });
      return (world) => {
        const { batch, amount } = payoutOf(world, into.batch);
        return [{ class: 'missing_payout', reference: batch, currency: code(into), delta: amount }];
      };
    },
  },
  /** The processor took a payout back, and the bank still has the money. */
  payout_reversed: {
    target: 'batch',
    fits: canReturn,
    inject(into) {
      into.edits.payouts.set(into.batch, { failsInto: into.batch + 2 });
      into.edits.bank.set(into.batch, { arrived: true });
      return (world) => {
        const { payout, amount } = payoutOf(world, into.batch);
        return [{ class: 'payout_reversed', reference: payout, currency: code(into), delta: amount }];
      };
    },
  },
  /** A payout came back as it should, and was paid again with a later one. */
  payout_returned: {
    target: 'batch',
    fits: canReturn,
    inject({ edits, batch }) {
      edits.payouts.set(batch, { failsInto: batch + 2 });
      return nothing;
    },
  },
  bank_short: {
    target: 'batch',
    fits: always,
    inject(into) {
      const short = 13n * step(into);
      into.edits.bank.set(into.batch, { short });
      return (world) => [
        {
          class: 'bank_amount_mismatch',
          reference: payoutOf(world, into.batch).payout,
          currency: code(into),
          delta: -short,
        },
      ];
    },
  },
  bank_missing: {
    target: 'batch',
    fits: always,
    inject(into) {
      into.edits.bank.set(into.batch, { missing: true });
      return (world) => {
        const { payout, amount } = payoutOf(world, into.batch);
        return [{ class: 'payout_not_in_bank', reference: payout, currency: code(into), delta: -amount }];
      };
    },
  },
  /** The bank's text names no payout: its amount is found on one only. */
  bank_unnamed: {
    target: 'batch',
    fits: always,
    inject({ edits, batch }) {
      edits.bank.set(batch, { unnamed: true });
      return nothing;
    },
  },
  bank_unknown: {
    target: 'batch',
    fits: always,
    inject(into) {
      const amount = 4_321n * step(into);
      into.edits.bankLines.push({ day: into.batch + 2, amount, text: 'GOODWILL CREDIT' });
      return () => [{ class: 'unidentified_bank_credit', reference: null, currency: code(into), delta: amount }];
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export const faultOf = (kind: FaultKind): Fault => FAULTS[kind];

function hasFees({ costs, simulator }: Dialect): boolean {
  return costs !== 'batch' && !['braintree', 'worldpay'].includes(simulator.provider);
}

const abilitiesOf = ({ simulator, abilities }: Dialect): Abilities => ({ ...simulator.abilities, ...abilities });

function canReturn({ simulator }: Dialect): boolean {
  return ['stripe', 'adyen'].includes(simulator.provider);
}

/** The first payment of a batch's own day. */
function firstOf({ account, batch }: Injection): number {
  return (batch - 1) * account.calendar.livesPerDay + 1;
}

function settledIn({ account }: Injection, movement: Movement, batch: number): Movement {
  return { ...movement, batch, at: bookedAt(account, batch) };
}
