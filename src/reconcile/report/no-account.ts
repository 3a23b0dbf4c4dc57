import { PosternError } from '../../errors.ts';
import type { Sql } from '../../postgres/sql.ts';
import { listBooks, listKnownAccounts, type Selection } from '../proof/books-store.ts';

/** Of a hundred accounts nobody reads all. */
const NAMED_MAX = 10;

/** That nobody has what was selected, with the accounts there are: those of the processor, where it has any. */
export async function noAccount(sql: Sql, { provider, account }: Selection): Promise<PosternError> {
  const ofProvider = await accountsOf(sql, provider);
  const isProvider = account === null || (provider !== null && ofProvider.length === 0);
  const names = isProvider ? await accountsOf(sql, null) : ofProvider;
  const shown = names.length > NAMED_MAX ? [...names.slice(0, NAMED_MAX), '…'] : names;
  const path = isProvider ? 'provider' : 'account';
  const message = `must be of an account that has an endpoint, a report or postings${shown.length === 0 ? '' : `: ${shown.join(', ')}`}`;
  const what = `${account === null ? '' : ` ${account}`}${provider === null ? '' : ` of ${provider}`}`;
  return new PosternError('not_found', `there is no account${what}: ${path} ${message}`, {
    faults: [{ path, message }],
  });
}

async function accountsOf(sql: Sql, provider: string | null): Promise<string[]> {
  const whose = { provider, account: null };
  const all = [...(await listKnownAccounts(sql, whose)), ...(await listBooks(sql, whose))];
  return [...new Set(all.map((one) => `${one.provider}/${one.account}`))].sort();
}
