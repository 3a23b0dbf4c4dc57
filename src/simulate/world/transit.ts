import type { Life } from '../life.ts';
import type { AccountWorld } from './account-world.ts';
import type { Dialect } from './dialect.ts';
import { movementsOf } from './life-movements.ts';
import { keptCaptures } from './lives.ts';
import type { Movement } from './movement.ts';
import { atBankAt, BANK_HOUR, hourOf } from './world-account.ts';

/** What is rightly open when the world is looked at, in items. */
export type InTransit = {
  /** Announced and not yet on a report, or in a report that could not be posted. */
  readonly pending: number;
  /** The same, of a batch whose file is missing, where that is seen: shown under that. */
  readonly underMissingFile: number;
  readonly disputes: number;
  readonly reserves: number;
  /** Paid out, not yet at the bank. */
  readonly bank: number;
};

/** Of the specification: how long a dispute may be without an end, and how long money is withheld. */
const DISPUTE_DAYS = 120;
const RESERVE_DAYS = 180;

/** Counted payment by payment from the truth; what faults were done to is the labels'. Pure. */
export function inTransit(world: AccountWorld): InTransit {
  const { account, edits } = world;
  const { dialect, calendar } = account;
  const isGapSeen = dialect.numbered || dialect.tellPayout !== undefined;
  const count = { pending: 0, underMissingFile: 0, disputes: 0, reserves: 0, bank: 0 };
  for (let day = 1; day <= calendar.days; day += 1) {
    for (const life of world.lives(day)) {
      if (edits.events.has(life.number)) continue;
      const open = openItems(world, life);
      for (const [, batch] of open) {
        if (edits.files.get(batch)?.kind !== 'missing') count.pending += 1;
        else if (isGapSeen) count.underMissingFile += 1;
      }
      count.disputes += disputeOpen(world, life) ? 1 : 0;
    }
  }
  const held = new Set<string>();
  for (let batch = 1; batch <= calendar.batches; batch += 1) {
    for (const extra of isPosted(world, batch) ? (dialect.extras?.(account, batch) ?? []) : []) {
      if (extra.kind === 'reserve_hold') held.add(extra.reference ?? '');
      if (extra.kind === 'reserve_release') held.delete(extra.reference ?? '');
    }
    for (const extra of isPosted(world, batch) ? [] : (dialect.extras?.(account, batch) ?? [])) {
      const told = extra.kind === 'transfer' || extra.kind === 'platform_fee';
      if (told && edits.files.get(batch)?.kind === 'missing') count.underMissingFile += 1;
      else if (told) count.pending += 1;
    }
  }
  // What is open still after so long is the labels'.
  const daysAgo = calendar.long?.daysAgo ?? 0;
  count.reserves = daysAgo < RESERVE_DAYS ? held.size : 0;
  if (daysAgo >= DISPUTE_DAYS) count.disputes = 0;
  const last = calendar.batches;
  const payout = world.payout(last);
  const known = dialect.tellPayout !== undefined || isPosted(world, last);
  const isAtBank = atBankAt(account, last) <= hourOf(account, calendar.days - 1, BANK_HOUR);
  if (payout !== null && known && !payout.fails && !isAtBank) count.bank += 1;
  return count;
}

/** Whether a batch's report was handed in and could be posted. */
export function isPosted(world: AccountWorld, batch: number): boolean {
  if (batch > world.account.calendar.batches) return false;
  const kind = world.edits.files.get(batch)?.kind;
  return kind === 'accepted' || (kind !== 'missing' && kind !== 'truncated' && !hasCutLine(world, batch));
}

export function hasCutLine({ account, edits, life }: AccountWorld, batch: number): boolean {
  for (const [key, edit] of edits.movements) {
    const [number = '0', name = ''] = key.split(':');
    const movement = movementsOf(account, life(Number(number))).find((one) => one.name === name);
    if (movement === undefined) continue;
    if (edit(movement).some((reported) => !reported.shown && reported.movement.batch === batch)) return true;
  }
  return false;
}

/** The items of a payment that do not come to zero, each with the batch of its first movement that is not posted. */
function openItems(world: AccountWorld, life: Life): Map<string, number> {
  const { account, edits } = world;
  const { dialect } = account;
  const items = new Map<string, { amount: bigint; batch: number }>();
  const put = (key: string, amount: bigint, batch: number): void => {
    const item = items.get(key);
    items.set(key, { amount: (item?.amount ?? 0n) + amount, batch: Math.max(item?.batch ?? 0, batch) });
  };
  for (const [index, part] of keptCaptures(life).entries())
    put(`${dialect.reference(life, 'charge', index)} gross`, part, 0);
  if (life.fee.told !== 'never' && keptCaptures({ ...life, captureFails: false }).length > 0)
    put(`${dialect.reference(life, 'charge', 0)} fee`, -life.fee.amount, 0);
  for (const [index, { amount, outcome }] of life.refunds.entries())
    if (outcome === 'succeeded') put(`${dialect.reference(life, 'refund', index)} gross`, -amount, 0);
  for (const [index, movement] of (life.dispute?.movements ?? []).entries()) {
    if (life.dispute === null || !isTold(dialect, movement)) continue;
    const { amount, fee } = life.dispute;
    const reference = dialect.reference(life, 'chargeback', index);
    put(`${reference} gross`, movement === 'withdrawn' ? -amount : amount, 0);
    if (index === 0 && dialect.disputeFee === 'told') put(`${reference} fee`, -fee, 0);
  }
  const faulty = [...edits.movements.keys()].some((key) => key.startsWith(`${life.number}:`));
  for (const movement of movementsOf(account, life)) {
    const { reference, gross, payer, fee, batch } = movement;
    if (reference === null || isOfLineAlone(dialect, movement)) continue;
    if (!isPosted(world, batch)) {
      put(`${reference} gross`, 0n, batch);
      if (feeIsTold(movement, life)) put(`${reference} fee`, 0n, batch);
      continue;
    }
    put(`${reference} gross`, -(payer?.amount ?? gross), 0);
    if (feeIsTold(movement, life)) put(`${reference} fee`, fee, 0);
  }
  const open = [...items].filter(([, { amount, batch }]) => amount !== 0n && (!faulty || batch !== 0));
  return new Map(open.map(([key, { batch }]) => [key, batch]));

  function feeIsTold({ kind }: Movement, of: Life): boolean {
    return kind === 'charge' ? of.fee.told !== 'never' : kind === 'chargeback' && dialect.disputeFee === 'told';
  }
}

/** What is told to have gone is not what is told to have come back or to be lost. */
export function disputeOpen(world: AccountWorld, life: Life): boolean {
  const { account } = world;
  const moved = movementsOf(account, life).filter(
    (one) => isOfDispute(one) && (!isOfLineAlone(account.dialect, one) || isPosted(world, one.batch)),
  );
  const back = moved.reduce((sum, { gross }) => sum + gross, 0n);
  return back + (life.dispute?.outcome === 'lost' ? life.dispute.amount : 0n) !== 0n;
}

const isOfDispute = ({ kind }: Movement): boolean => kind === 'chargeback' || kind === 'chargeback_reversal';

const isTold = ({ tellsDisputes }: Dialect, movement: 'withdrawn' | 'reinstated'): boolean =>
  tellsDisputes === 'all' || (tellsDisputes === 'withdrawals' && movement === 'withdrawn');

/** No webhook tells it: nothing waits for its line. */
const isOfLineAlone = (dialect: Dialect, movement: Movement): boolean =>
  isOfDispute(movement) && !isTold(dialect, movement.kind === 'chargeback' ? 'withdrawn' : 'reinstated');
