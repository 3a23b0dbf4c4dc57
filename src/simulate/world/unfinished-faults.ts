import type { Fault, Injection } from './fault.ts';
import {
  abilitiesOf,
  besides,
  code,
  movementNamed,
  nothing,
  partlyRefunded,
  plain,
  reported,
  step,
} from './fault-tools.ts';
import { refundWebhooks } from './refund-webhooks.ts';
import { disputeOpen } from './transit.ts';

/** What was begun, taken or withheld, and never came to its end. */
export const UNFINISHED_FAULTS = {
  /** A refund was promised, as a webhook said, and nothing was heard of it again: no word, no line. */
  refund_stuck: {
    target: 'payment',
    fits: (dialect) =>
      refundWebhooks(dialect.simulator.provider).begun !== undefined && abilitiesOf(dialect).refunds !== 'none',
    shape: partlyRefunded,
    inject(into) {
      const { account, edits, number } = into;
      const begun = refundWebhooks(account.dialect.simulator.provider).begun ?? (() => null);
      edits.events.set(number, (told) => {
        const at = told.findIndex(({ content }) => begun(content) !== null);
        if (at < 0) throw new RangeError(`no webhook of ${account.name} tells that a refund was begun`);
        return told
          .slice(0, at + 1)
          .map((event, n) => (n < at ? event : { ...event, content: begun(event.content) ?? '' }));
      });
      reported(into, 'refund0', () => []);
      return (world) => {
        const { reference, gross } = movementNamed(world, number, 'refund0');
        return [{ class: 'refund_not_sent', reference, currency: code(into), delta: -gross }];
      };
    },
  },
  /** Money was taken for a dispute four months ago, and nobody said how it ended. */
  dispute_left: {
    target: 'payment',
    daysAgo: 125,
    fits: (dialect) => ['cycles', 'endless', 'outcome', 'return', 'withdrawal'].includes(abilitiesOf(dialect).disputes),
    shape: ({ currency }) => {
      const amount = 6_000n * currency.step;
      const dispute = { amount, fee: 1_500n * currency.step, movements: ['withdrawn'], outcome: 'open' } as const;
      return { ...plain('never')(), amount, dispute };
    },
    inject(into) {
      const { dialect, calendar } = into.account;
      return (world) =>
        Array.from({ length: calendar.days }, (_, n) => [...world.lives(n + 1)])
          .flat()
          .filter((life) => disputeOpen(world, life))
          .map((life) => ({
            class: 'dispute_stale',
            reference: dialect.reference(life, 'chargeback', 0),
            currency: code(into),
            delta: -(life.dispute?.amount ?? 0n),
          }));
    },
  },
  /** Withheld for half a year and longer, and never given back. */
  reserve_kept: {
    target: 'batch',
    daysAgo: 185,
    fits: ({ hold }) => hold !== undefined,
    inject(into) {
      withhold(into, into.batch, -500n);
      return (world) => {
        const { dialect, calendar } = into.account;
        let left = 0n;
        for (let batch = 1; batch <= calendar.batches; batch += 1)
          for (const { kind, gross } of world.report(batch).movements())
            if (kind === 'reserve_hold' || kind === 'reserve_release') left -= gross;
        return [{ class: 'reserve_overdue', reference: dialect.hold ?? '', currency: code(into), delta: -left }];
      };
    },
  },
  /** Given back in time while more was withheld, under the same name: nothing of it is old enough. */
  reserve_rolls: {
    target: 'batch',
    daysAgo: 173,
    fits: ({ hold }) => hold !== undefined,
    inject(into) {
      withhold(into, into.batch, -500n);
      withhold(into, into.batch + 6, -300n);
      withhold(into, into.batch + 6, 500n);
      return nothing;
    },
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** In steps of the currency, signed as the balance sees it. */
function withhold(into: Injection, batch: number, steps: bigint): void {
  const kind = steps < 0n ? 'reserve_hold' : 'reserve_release';
  besides(into, { kind, name: `${kind}${batch}`, batch, gross: steps * step(into) });
}
