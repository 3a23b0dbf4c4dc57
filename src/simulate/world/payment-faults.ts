import { createRandom } from '../random.ts';
import type { Expected, Fault } from './fault.ts';
import {
  abilitiesOf,
  always,
  chargeOf,
  code,
  hasFees,
  inCurrency,
  movementNamed,
  nothing,
  OTHER_CURRENCY,
  partlyRefunded,
  plain,
  reported,
  settledIn,
  shown,
  step,
  tellsAmounts,
} from './fault-tools.ts';
import { movementsOf } from './life-movements.ts';

/** What goes wrong with one payment: its webhooks, its lines. */
export const PAYMENT_FAULTS = {
  /** No webhook of a payment and its refund ever came. */
  lost_event: {
    target: 'payment',
    fits: tellsAmounts,
    shape: partlyRefunded,
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
} as const satisfies Readonly<Record<string, Fault>>;
