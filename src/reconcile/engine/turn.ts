import type { Tx } from '../../postgres/sql.ts';
import { factsOf } from './facts-store.ts';
import { openFirstDays } from './first-opening.ts';
import type { ItemAccounts } from './item-accounts.ts';
import type { ItemAccount, ItemKey, ItemRole } from './items.ts';
import { judge } from './judge.ts';
import { keepCleared } from './keep-discrepancies.ts';
import { MERCHANT_KINDS } from './keys-store.ts';
import { type MatchParts, matchStirredPending, matchTransit } from './match-stirred.ts';
import { noteReversed } from './match-store.ts';
import { observe, observeLate } from './observe.ts';
import type { Books } from './observe-files.ts';
import { ownEntries } from './own-entries.ts';
import {
  dropNetted,
  type Gone,
  holdEngine,
  noteTouched,
  refreshAmounts,
  selectDue,
  stirTwins,
  stirUnnamedCredits,
  stirUnsettled,
  takeTouched,
} from './residue-store.ts';

export type TurnParts = MatchParts & {
  readonly accounts: ItemAccounts;
  /** Of the present settings of an account. */
  readonly settingsOf: (account: ItemAccount) => string;
};

export type Turn = {
  readonly transactions: number;
  readonly judged: number;
  /** There is more to do at once. */
  readonly more: boolean;
};

export const TRANSACTIONS_A_TURN = 20_000;
export const JUDGED_A_TURN = 10_000;

/**
 * One turn, in the caller's transaction: what moved since the last one, the passes over it, and what all of it is now. Null while
 * another instance is at it. A turn is whole or it never was, so whoever is killed in one leaves nothing half done.
 * `hungry`: what moved is judged although there is more to come. `filesDue`: whose files are to be
 * looked at, whatever came; asked by the instance that works, and not while much else is behind.
 */
export async function turn(
  tx: Tx,
  parts: TurnParts,
  { hungry, filesDue }: { readonly hungry: boolean; readonly filesDue: () => readonly Books[] },
): Promise<Turn | null> {
  if (!(await holdEngine(tx))) return null;
  // First, and until all are posted: a payout would else take what it names, where a statement that comes later would not let it.
  if (await ownEntries(tx, parts)) return { transactions: 0, judged: 0, more: true };
  const now = parts.clock.now();
  const at = new Date(now);
  const transactions = await takeTouched(tx, TRANSACTIONS_A_TURN, at);
  // Before what netted is gone: the end of its window stands there.
  if (transactions > 0) await observeLate(tx, now, parts);
  const gone = transactions === 0 ? [] : await noteMoved(tx, parts.accounts, at);
  const isBehind = transactions === TRANSACTIONS_A_TURN;
  // An import's lines come in many turns: judged when all are there, a batch of a million lines is added up once.
  const due = isBehind && !hungry ? [] : await selectDue(tx, at, JUDGED_A_TURN);
  await parts.accounts.load(
    tx,
    [...due, ...gone].map(({ accountId }) => accountId),
  );
  // First: it may wait for an import, which must not wait for what the passes hold.
  const opened = await openFirstDays(tx, due, parts);
  const moved = [...opened, ...(await match(tx, due, gone, parts))];
  await refreshAmounts(tx, moved, at);
  const isPending = ({ accountId }: ItemKey): boolean => parts.accounts.get(accountId)?.role === 'processor_pending';
  await judge(
    tx,
    due.filter((one) => !isPending(one)),
    now,
    parts,
  );
  const observed = isBehind ? 0 : await observe(tx, now, parts, filesDue());
  // Last: what is in a missing file is shown under that, and is no discrepancy of its own.
  await judge(tx, due.filter(isPending), now, parts);
  return { transactions, judged: due.length, more: isBehind || due.length > 0 || moved.length > 0 || observed > 0 };
}

async function noteMoved(tx: Tx, accounts: ItemAccounts, at: Date): Promise<Gone[]> {
  await noteReversed(tx, at);
  const gone = await dropNetted(tx);
  await noteTouched(tx, at);
  await stirTwins(tx, at, MERCHANT_KINDS);
  await stirUnnamedCredits(tx, at);
  const cleared = gone.filter((one) => one.class !== null);
  await keepCleared(
    tx,
    cleared.flatMap((one) => one.discrepancyId ?? []),
    at,
  );
  await accounts.load(
    tx,
    gone.map(({ accountId }) => accountId),
  );
  await stirUnsettled(
    tx,
    cleared.filter((one) => one.class === 'missing_file').map(({ accountId }) => accountId),
    at,
  );
  return gone;
}

/** The passes, over what is to be judged and what netted; returns the items that they moved. */
async function match(tx: Tx, due: readonly ItemKey[], gone: readonly ItemKey[], parts: TurnParts): Promise<ItemKey[]> {
  const roleOf = ({ accountId }: ItemKey): ItemRole | undefined => parts.accounts.get(accountId)?.role;
  const pending = await factsOf(
    tx,
    due.filter((one) => roleOf(one) === 'processor_pending'),
  );
  const moved = await matchStirredPending(
    tx,
    { facts: pending, gone: gone.filter((one) => roleOf(one) === 'processor_pending') },
    parts,
  );
  const transit = new Set(
    [...due, ...gone].filter((one) => roleOf(one) === 'bank_in_transit').map((one) => one.accountId),
  );
  for (const id of [...transit].sort((a, b) => a - b)) {
    const account = parts.accounts.get(id);
    if (account !== undefined) moved.push(...(await matchTransit(tx, account, parts)));
  }
  return moved;
}
