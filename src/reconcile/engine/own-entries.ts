import type { Ledger } from '../../ledger/post.ts';
import type { Tx } from '../../postgres/sql.ts';
import { spellingsOf } from '../bank/bank-account.ts';
import { ownedRequest } from '../bank/owned-entry.ts';
import { type BankOwner, ownerOf } from '../bank/owner.ts';
import { bankOwners, lockBankImports } from '../import/bank-store.ts';
import type { Books } from './observe-files.ts';
import {
  type KnownOwners,
  knownOwners,
  nextToLookAt,
  noteLookedAt,
  noteOwned,
  noteOwners,
  unownedEntries,
} from './own-entries-store.ts';

type PaidInto = Pick<BankOwner, 'provider' | 'account' | 'pattern'>;

const ENTRIES_A_TURN = 5_000;
const POSTED_AT_ONCE = 1_000;

/**
 * Notes bank accounts of which other processor accounts are paid there now, or their entries are known by something else. Returns
 * the processor accounts that are concerned, before and after. By the tables alone, as imports do: a process may not have seen yet
 * what others read already. The caller holds the engine.
 */
export async function watchOwners(tx: Tx): Promise<Books[]> {
  const now = new Map<string, PaidInto[]>();
  for (const { provider, account, bankAccount, pattern } of await bankOwners(tx))
    for (const spelling of spellingsOf(bankAccount))
      now.set(spelling, [...(now.get(spelling) ?? []), { provider, account, pattern }]);
  const known = new Map((await knownOwners(tx)).map(({ bankAccount, owners }) => [bankAccount, owners]));
  const changed = [...new Set([...now.keys(), ...known.keys()])].flatMap((bankAccount): KnownOwners[] => {
    const owners = JSON.stringify(now.get(bankAccount) ?? []);
    return owners === known.get(bankAccount) ? [] : [{ bankAccount, owners }];
  });
  await noteOwners(tx, changed);
  return changed.flatMap(({ bankAccount, owners }) =>
    [owners, known.get(bankAccount) ?? '[]'].flatMap((text): Books[] => JSON.parse(text)),
  );
}

/**
 * Posts the entries that belonged to nobody and are somebody's by the settings of now, some at a time, as their import would have
 * posted them. True: there were some to look at, and may be more.
 */
export async function ownEntries(tx: Tx, { ledger }: { readonly ledger: Pick<Ledger, 'post'> }): Promise<boolean> {
  const next = await nextToLookAt(tx);
  if (next === null) return false;
  // An import in flight may have read the settings of before: what it brings is looked at when it is there.
  await lockBankImports(tx);
  const owners = (await bankOwners(tx)).filter((one) => spellingsOf(one.bankAccount).includes(next.bankAccount));
  const entries = await unownedEntries(tx, { ...next, limit: ENTRIES_A_TURN });
  const owned = entries.flatMap(({ account: bankAccount, ...entry }) => {
    const owner = ownerOf({ ...entry, account: bankAccount }, owners);
    const { id, identity, amount, currency, at, zone } = entry;
    return owner === null ? [] : [{ id, bankAccount, identity, amount, currency, at, zone, owner }];
  });
  for (let from = 0; from < owned.length; from += POSTED_AT_ONCE) {
    const some = owned.slice(from, from + POSTED_AT_ONCE);
    const results = await ledger.post(tx, some.map(ownedRequest));
    // What stands otherwise under its key is a person's doing: it stays theirs, and stops nobody.
    await noteOwned(
      tx,
      some.filter((_, n) => results[n]?.kind !== 'conflict'),
    );
  }
  const last = entries.length < ENTRIES_A_TURN ? null : (entries.at(-1)?.identity ?? null);
  await noteLookedAt(tx, next.bankAccount, last);
  return true;
}
