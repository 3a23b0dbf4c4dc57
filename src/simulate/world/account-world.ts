import type { Life } from '../life.ts';
import type { ToldEvent } from '../told-event.ts';
import type { BatchReport, Payout } from './dialect.ts';
import { asIs, type Edits, type Reported } from './edits.ts';
import { movementsOf, SETTLED_WITHIN_DAYS } from './life-movements.ts';
import { lifeOf, numbersOf } from './lives.ts';
import { type Movement, netOf } from './movement.ts';
import { payoutLife } from './payout-life.ts';
import { bookedAt, type WorldAccount } from './world-account.ts';

/**
 * All that happens on one account, told as often as it is asked for: nothing is kept but each batch's sums and the numbers of payments
 * that are settled over several days, so that a world of millions takes no memory. Pure.
 */
export type AccountWorld = {
  readonly account: WorldAccount;
  readonly edits: Edits;
  lives(day: number): Iterable<Life>;
  life(number: number): Life;
  /** Its webhooks, payments by their day, then payouts; as they come, faults and all. */
  events(): Iterable<ToldEvent>;
  report(batch: number): BatchReport;
  /** What the processor says it paid out for a batch; null: nothing. */
  payout(batch: number): Payout | null;
};

/** What PayPal had when the world began, in the smallest coins. */
const FIRST_OPENING = 5_000n;

export function createAccountWorld(account: WorldAccount, edits: Edits): AccountWorld {
  const { dialect, calendar } = account;
  const reports = new Map<number, BatchReport>();
  const late = new Map<number, readonly number[]>();

  const life = (number: number): Life => lifeOf(account, number, edits.shapes.get(number));

  function* lives(day: number): Generator<Life> {
    if (day < 1 || day > (calendar.long?.livesUntil ?? calendar.days)) return;
    const [first, last] = numbersOf(account, day);
    for (let number = first; number <= last; number += 1) yield life(number);
  }

  /** What a batch's totals count: its own, what was moved into it, and what is of no payment. */
  function* counted(batch: number): Generator<Reported> {
    const moved = edits.movedInto.get(batch) ?? [];
    for (let day = Math.max(1, batch - SETTLED_WITHIN_DAYS); day < batch; day += 1)
      for (const number of lateOf(day)) if (!moved.includes(number)) yield* settledIn(batch, life(number));
    for (const one of lives(batch)) if (!moved.includes(one.number)) yield* settledIn(batch, one);
    for (const number of moved) yield* settledIn(batch, life(number));
    for (const extra of [...(dialect.extras?.(account, batch) ?? []), ...(edits.extras.get(batch) ?? [])])
      yield { movement: extra, shown: true };
    for (const [failed, { failsInto }] of edits.payouts) {
      const payout = failsInto === batch ? payoutOf(failed) : null;
      if (payout !== null) yield { movement: comesBack(payout, batch), shown: true };
    }
  }

  const isSplit = ({ captures }: Life): boolean => captures !== null && captures.length > 1;
  const isEdited = (number: number): boolean =>
    edits.movements.has(`${number}:capture0`) || edits.movements.has(`${number}:capture1`);

  /** Payments of a day that something of is settled after it; few, and all that is kept of them. */
  function lateOf(day: number): readonly number[] {
    const known = late.get(day);
    if (known !== undefined) return known;
    const found: number[] = [];
    for (const one of lives(day))
      if (one.refunds.length > 0 || one.dispute !== null || isSplit(one) || isEdited(one.number))
        found.push(one.number);
    late.set(day, found);
    return found;
  }

  function* settledIn(batch: number, one: Life): Generator<Reported> {
    for (const movement of movementsOf(account, one)) {
      const edit = edits.movements.get(`${one.number}:${movement.name}`) ?? asIs;
      for (const reported of edit(movement)) if (reported.movement.batch === batch) yield reported;
    }
  }

  function report(batch: number): BatchReport {
    const known = reports.get(batch);
    if (known !== undefined) return known;
    const sums = { gross: 0n, fee: 0n, tax: 0n, net: 0n, count: 0 };
    let halves = 0n;
    for (const { movement } of counted(batch)) {
      sums.gross += movement.gross;
      sums.fee += movement.fee;
      sums.tax += movement.tax;
      sums.net += netOf(movement);
      sums.count += 1;
      if (movement.half === true) halves += 1n;
    }
    // Two halves that their lines leave out are one that the payout does not.
    sums.fee += halves / 2n;
    sums.net -= halves / 2n;
    const before = batch === 1 ? null : report(batch - 1);
    const carriedIn = before?.carriedOut ?? 0n;
    const first = dialect.mode === 'balance' ? FIRST_OPENING * account.currency.step : 0n;
    const opening = before?.closing ?? first;
    const amount = amountOf(batch, sums.net, carriedIn, opening);
    const edit = edits.payouts.get(batch);
    const made: BatchReport = {
      batch,
      payout: payoutFor(batch, amount),
      ...sums,
      carriedIn,
      carriedOut: dialect.mode === 'batch' ? sums.net + carriedIn - amount : 0n,
      opening,
      closing: dialect.mode === 'balance' ? opening + sums.net - amount : 0n,
      *movements() {
        for (const { movement, shown } of counted(batch)) if (shown) yield movement;
      },
      showsPayout: edit?.missing !== true && amount !== 0n,
    };
    reports.set(batch, made);
    return made;
  }

  function amountOf(batch: number, net: bigint, carriedIn: bigint, opening: bigint): bigint {
    if (dialect.mode === 'payout') return net;
    if (dialect.mode === 'batch') {
      const due = net + carriedIn;
      const last = batch === calendar.batches;
      return due <= 0n || (!last && dialect.carries?.(batch) === true) ? 0n : due;
    }
    // A person withdraws half of what is there, on most days.
    const there = opening + net;
    const step = account.currency.step;
    return batch % 7 !== 0 && there > 0n ? (there / 2n / step) * step : 0n;
  }

  function payoutFor(batch: number, amount: bigint): Payout {
    const fails = edits.payouts.get(batch)?.failsInto !== undefined;
    return { account, batch, amount, fails, life: payoutLife(account, batch, amount, fails) };
  }

  function payoutOf(batch: number): Payout | null {
    const { payout } = report(batch);
    const edit = edits.payouts.get(batch);
    if (edit?.missing === true || payout.amount === 0n) return null;
    return edit?.short === undefined ? payout : payoutFor(batch, payout.amount - edit.short);
  }

  function comesBack(payout: Payout, batch: number): Movement {
    return {
      kind: 'payout_reversal',
      name: `payout_reversal${payout.batch}`,
      index: payout.batch,
      life: payout.life,
      reference: dialect.payoutReference(payout),
      at: bookedAt(account, batch),
      batch,
      gross: payout.amount,
      fee: 0n,
      tax: 0n,
    };
  }

  return {
    account,
    edits,
    lives,
    life,
    *events() {
      for (let day = 1; day <= calendar.days; day += 1) {
        for (const one of lives(day)) {
          const told = dialect.simulator.tell(one, account.name);
          yield* edits.events.get(one.number)?.(told) ?? told;
        }
        const batch = day - 1;
        if (batch < 1 || batch > calendar.batches) continue;
        for (const extra of dialect.extras?.(account, batch) ?? []) yield* dialect.tellExtra?.(extra, account) ?? [];
        const payout = payoutOf(batch);
        if (payout !== null) yield* dialect.tellPayout?.(payout) ?? [];
      }
      for (const stray of edits.strays) yield* stray();
    },
    report,
    payout: payoutOf,
  };
}
