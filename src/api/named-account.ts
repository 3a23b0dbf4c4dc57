import { PosternError } from '../errors.ts';
import { chart } from '../ledger/chart.ts';
import { type Account, findAccount } from '../ledger/queries-store.ts';
import type { Sql } from '../postgres/sql.ts';

/** The account with this path; else the one that services call by this bare id. @throws PosternError `not_found` */
export async function namedAccount(sql: Sql, id: string): Promise<Account> {
  // No text with U+0000 is a text to Postgres.
  const found = id.includes('\0')
    ? null
    : ((await findAccount(sql, id)) ?? (await findAccount(sql, chart.client(id).path)));
  if (found === null)
    throw new PosternError('not_found', `there is no account ${id}; accounts come into being with their first posting`);
  return found;
}
