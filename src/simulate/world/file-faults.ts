import type { Expected, Fault } from './fault.ts';
import { always, besides, code, firstOf, nothing, payoutOf, plain, step } from './fault-tools.ts';

/** What goes wrong with a report as a whole. */
export const FILE_FAULTS = {
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
  unknown_kind: {
    target: 'batch',
    fits: ({ simulator }) => !['braintree', 'klarna', 'mollie'].includes(simulator.provider),
    inject(into) {
      const gross = 33n * step(into);
      besides(into, { kind: 'unknown', name: `unknown${into.batch}`, batch: into.batch, gross });
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
} as const satisfies Readonly<Record<string, Fault>>;
