import type { Fault } from './fault.ts';
import { always, canReturn, code, nothing, payoutOf, step } from './fault-tools.ts';

/** What goes wrong with a payout, and at the bank. */
export const PAYOUT_FAULTS = {
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
