import type { Expected, Fault } from './fault.ts';
import {
  abilitiesOf,
  always,
  besides,
  chargeOf,
  code,
  firstOf,
  hasFees,
  movementNamed,
  partlyRefunded,
  payoutOf,
  plain,
  reported,
  shown,
  step,
} from './fault-tools.ts';
import { dayOf } from './lives.ts';
import { netOf } from './movement.ts';
import { refundWebhooks } from './refund-webhooks.ts';

/** What fails a control: what is told or written does not fit what is agreed, stated or told beside it. */
export const CONTROL_FAULTS = {
  /** Nobody told a fee; the contract did. */
  fee_above_contract: {
    target: 'payment',
    fits: (dialect) => hasFees(dialect) && dialect.costs === 'each',
    // Of an amount whose percentage is whole.
    shape: ({ currency }) => ({ ...plain('never')(), amount: 2_000n * currency.step }),
    inject(into) {
      const more = 5n * step(into);
      reported(into, 'capture0', (movement) => shown({ ...movement, fee: movement.fee + more }));
      return (world) => [
        {
          class: 'fee_above_contract',
          reference: chargeOf(world, into.number).reference,
          currency: code(into),
          delta: -more,
        },
      ];
    },
  },
  /** A refund is told twice, the second time of another amount. The report has the first. */
  told_otherwise: {
    target: 'payment',
    fits: (dialect) =>
      refundWebhooks(dialect.simulator.provider).again !== undefined && abilitiesOf(dialect).refunds !== 'none',
    shape: partlyRefunded,
    inject(into) {
      const { account, edits, number } = into;
      const { simulator } = account.dialect;
      const again = refundWebhooks(simulator.provider).again ?? (() => null);
      const more = 7n * step(into);
      return (world) => {
        const life = world.life(number);
        const other = { ...life, refunds: life.refunds.map((one) => ({ ...one, amount: one.amount + more })) };
        const told = simulator.tell(other, account.name).flatMap((event) => {
          const content = again(event.content);
          return content === null ? [] : [{ ...event, content }];
        });
        if (told.length !== 1)
          throw new RangeError(`${told.length} webhooks of ${account.name} tell that a refund was sent`);
        // After all else: what is told first is posted.
        edits.strays.push(() => told);
        const { reference } = movementNamed(world, number, 'refund0');
        return [{ class: 'conflicting_announcement', reference, currency: code(into), delta: -more }];
      };
    },
  },
  /** Less was settled than the rate on its line says. A report that is held to its rates is taken all the same. */
  rate_off: {
    target: 'payment',
    fits: ({ fx }) => fx === 'told' || fx === 'proved',
    shape: ({ currency }) => ({
      ...plain('never')(),
      amount: 8_000n,
      payer: currency.code === 'GBP' ? 'USD' : 'GBP',
    }),
    inject(into) {
      const { account, edits, number } = into;
      const short = 250n;
      reported(into, 'capture0', (movement) => shown({ ...movement, gross: movement.gross - short }));
      if (account.dialect.fx === 'proved') edits.files.set(dayOf(account, number), { kind: 'accepted' });
      return (world) => [
        {
          class: 'fx_difference',
          reference: chargeOf(world, number).reference,
          currency: code(into),
          delta: -short,
        },
      ];
    },
  },
  /** Two fees of half a minor unit more than is kept of them, rounded to even: the payout has the whole. */
  fee_rounded: {
    target: 'batch',
    fits: ({ fractions }) => fractions === true,
    inject(into) {
      const { batch } = into;
      for (const fee of [20n, 22n]) besides(into, { kind: 'fee', name: `half${fee}of`, batch, fee, half: true });
      return (world) => [
        {
          class: 'rounding_residual',
          reference: payoutOf(world, batch).batch,
          currency: code(into),
          delta: -1n,
        },
      ];
    },
  },
  /** A row of the report says what rounding took: the payout is short of it, and so are the lines. */
  rounding_row: {
    target: 'batch',
    fits: ({ roundingRow }) => roundingRow === true,
    inject(into) {
      const { batch } = into;
      const taken = -2n * step(into);
      besides(into, { kind: 'rounding', name: `rounding${batch}`, batch, gross: taken });
      return (world) => [
        {
          class: 'rounding_residual',
          reference: payoutOf(world, batch).batch,
          currency: code(into),
          delta: taken,
        },
      ];
    },
  },
  /** A line is gone from a file whose sums have it, and the file is taken all the same. */
  cut_accepted: {
    target: 'batch',
    fits: always,
    inject(into) {
      const { account, edits, batch } = into;
      const number = firstOf(into);
      edits.shapes.set(number, plain('never')());
      edits.movements.set(`${number}:capture0`, (movement) => [{ movement, shown: false }]);
      edits.files.set(batch, { kind: 'accepted' });
      return (world) => {
        const cut = chargeOf(world, number);
        const missing: Expected = {
          class: 'missing_in_settlement',
          reference: cut.reference,
          currency: code(into),
          delta: -cut.gross,
        };
        const open: Expected = {
          class: account.dialect.mode === 'balance' ? 'proof_failed' : 'payout_total_mismatch',
          reference: payoutOf(world, batch).batch,
          currency: code(into),
          delta: -netOf(cut),
        };
        return [missing, open];
      };
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;
