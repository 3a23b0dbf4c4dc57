import { zoneOfDay } from '../../ledger/accounting-day.ts';
import type { Ledger } from '../../ledger/post.ts';
import type { Tx } from '../../postgres/sql.ts';
import { postPeriods } from '../import/periods.ts';
import { lockAccount } from '../import/settlement-store.ts';
import { liveSince, type RulesOf } from './account-rules.ts';
import { carryOf } from './classify-payout.ts';
import { factsOf } from './facts-store.ts';
import { standingOpenings } from './first-opening-store.ts';
import { firstOf, type ItemAccount, type ItemKey } from './items.ts';

type Parts = {
  readonly ledger: Pick<Ledger, 'post'>;
  readonly clock: { now(): number };
  readonly rulesOf: RulesOf;
  readonly accountOf: (id: number) => ItemAccount | undefined;
};

const WHY = { actor: 'system', reason: 'the account’s first day was told later than its report' };

/**
 * `live_from` may be set when the first reports are in already: an opening of that day or before, which no period hands on, is
 * told anew as what was there before us, as their import would have told it. Returns what this moved.
 */
export async function openFirstDays(tx: Tx, due: readonly ItemKey[], parts: Parts): Promise<ItemKey[]> {
  const waiting = due.filter(({ accountId, reference }) => {
    const account = parts.accountOf(accountId);
    return (
      account?.role === 'processor_balance' && carryOf(reference) !== null && liveSince(parts.rulesOf(account)) !== null
    );
  });
  const alone = (await factsOf(tx, waiting)).filter((facts) => {
    const account = parts.accountOf(facts.accountId);
    const since = account === undefined ? null : liveSince(parts.rulesOf(account));
    const at = firstOf(facts, 'opening');
    return since !== null && at !== undefined && at <= since && Object.keys(facts.moved).join() === 'opening';
  });
  if (alone.length === 0) return [];
  const moved: ItemKey[] = [];
  for (const { no, settlement, amount, at: openedAt, accounting_date: day } of await standingOpenings(tx, alone)) {
    const item = alone[no - 1];
    if (item === undefined) continue;
    const account = parts.accountOf(item.accountId);
    const batch = carryOf(item.reference)?.to;
    if (account === undefined || batch === undefined) continue;
    const books = { provider: account.provider, account: account.account, marketplace: null, zone: null };
    // A report of the same period may be on its way in.
    await lockAccount(tx, books);
    const at = openedAt.getTime();
    const zone = zoneOfDay(at, day) ?? 'UTC';
    const { currency } = item;
    const told = { type: 'settlement.opening', batch, neighbour: null, amount, currency, at, zone } as const;
    await postPeriods(tx, [told], { ...WHY, ledger: parts.ledger, clock: parts.clock, books, settlement });
    moved.push(item);
  }
  return moved;
}
