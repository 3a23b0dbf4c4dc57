import type { Sql } from '../../postgres/sql.ts';
import { spellingsOf } from '../bank/bank-account.ts';
import { bankOwners, countEntries } from './bank-store.ts';

/** What became of the entries that a file brought first. */
export type EntryCounts = {
  /** As a processor's. */
  readonly posted: number;
  /** On a bank account that a processor pays into: posted once a payout names them, or settings say whose they are. */
  readonly waiting: number;
  /** On bank accounts that no processor pays into. */
  readonly notOurs: number;
};

/** Of each of these files, by its id. */
export async function entryCounts(sql: Sql, files: readonly string[]): Promise<(file: string) => EntryCounts> {
  const paid = new Set((await bankOwners(sql)).flatMap(({ bankAccount }) => spellingsOf(bankAccount)));
  const byFile = Map.groupBy(await countEntries(sql, files), ({ file }) => file);
  return (file) => {
    const mine = byFile.get(file) ?? [];
    const unposted = (isPaid: boolean): number =>
      mine.reduce((sum, one) => sum + (paid.has(one.bankAccount) === isPaid ? one.unposted : 0), 0);
    const posted = mine.reduce((sum, one) => sum + one.posted, 0);
    return { posted, waiting: unposted(true), notOurs: unposted(false) };
  };
}
