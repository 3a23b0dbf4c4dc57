import type { Sql } from '../../postgres/sql.ts';
import { inBooks, namedId, newestCarries, occurrences, settledTwins, withLines } from './around-store.ts';
import type { Around } from './classify.ts';
import type { PendingAround, Relative } from './classify-pending.ts';
import { type CarryAround, carryOf } from './classify-payout.ts';
import { countOf, type ItemAccount, type ItemFacts, itemId, sumOf } from './items.ts';
import { selectByReference } from './residue-store.ts';
import type { ItemAccounts } from './item-accounts.ts';

/** An item of ours to be judged, and on which account it is. */
export type Item = { readonly facts: ItemFacts; readonly account: ItemAccount };

const NOTHING: Around = {
  pending: { relatives: [], hasLine: false, settledTwin: null, occurredAt: null },
  carry: null,
};

/** What lies around these items, by `itemId`, read for all of them together. `deep`: also what only late ones need. */
export async function lookAround(
  sql: Sql,
  items: readonly Item[],
  { accounts, deep }: { readonly accounts: ItemAccounts; readonly deep: boolean },
): Promise<(item: Item) => Around> {
  const pending = items.filter(({ account }) => account.role === 'processor_pending');
  const carries = items.filter(
    ({ facts, account }) => account.role === 'processor_balance' && carryOf(facts.reference) !== null,
  );
  const relatives = await relativesOf(sql, pending, accounts);
  const lined = await withLines(
    sql,
    pending.filter(({ facts }) => facts.component === 'fee').map(({ facts }) => facts),
  );
  const unannounced = pending.filter(({ facts }) => countOf(facts, 'announced') === 0);
  const occurred = await occurrences(
    sql,
    unannounced.map(({ facts }) => facts),
  );
  const unsettled = pending.filter(({ facts }) => countOf(facts, 'line') === 0 && facts.component !== 'fee');
  const twins = deep
    ? await settledTwins(
        sql,
        unsettled.map(({ facts }) => ({ ...facts, amount: sumOf(facts, 'announced') })),
      )
    : new Map<string, string>();
  const carryAround = await carriesOf(sql, carries);

  return (item) => {
    const { facts, account } = item;
    if (account.role === 'processor_pending') {
      const around: PendingAround = {
        relatives: (relatives.get(facts.reference) ?? []).flatMap(({ account: other, ...rest }) => {
          if (itemId(rest) === itemId(facts) || other.provider !== account.provider) return [];
          return [{ ...rest, account: other.account, isSibling: other.id !== account.id }];
        }),
        hasLine: lined.has(namedId(facts)),
        settledTwin: twins.get(namedId(facts)) ?? null,
        occurredAt: occurred.get(namedId(facts)) ?? null,
      };
      return { pending: around, carry: null };
    }
    return { ...NOTHING, carry: carryAround.get(itemId(facts)) ?? null };
  };
}

type Near = Omit<Relative, 'account' | 'isSibling'> & { readonly account: ItemAccount };

async function relativesOf(
  sql: Sql,
  pending: readonly Item[],
  accounts: ItemAccounts,
): Promise<Map<string, Near[]>> {
  const rows = await selectByReference(sql, [...new Set(pending.map(({ facts }) => facts.reference))]);
  await accounts.load(
    sql,
    rows.map(({ accountId }) => accountId),
  );
  const near = rows.flatMap((row): Near[] => {
    const account = accounts.get(row.accountId);
    return account?.role === 'processor_pending' ? [{ ...row, account }] : [];
  });
  return Map.groupBy(near, ({ reference }) => reference);
}

async function carriesOf(sql: Sql, carries: readonly Item[]): Promise<Map<string, CarryAround>> {
  if (carries.length === 0) return new Map();
  const ends = carries.map(({ facts }) => ({ facts, ...(carryOf(facts.reference) ?? { from: '', to: '' }) }));
  const known = await inBooks(
    sql,
    ends.flatMap(({ facts: { accountId }, from, to }) => [
      { accountId, reference: from },
      { accountId, reference: to },
    ]),
  );
  const newest = await newestCarries(sql, [...new Set(carries.map(({ account }) => account.id))]);
  return new Map(
    ends.map(({ facts, from, to }) => {
      const { accountId, currency, reference } = facts;
      const around: CarryAround = {
        knowsFrom: known.has(namedId({ accountId, reference: from })),
        knowsTo: known.has(namedId({ accountId, reference: to })),
        isNewest: newest.get(JSON.stringify([accountId, currency])) === reference,
      };
      return [itemId(facts), around];
    }),
  );
}
