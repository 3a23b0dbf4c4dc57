import type { Tx } from '../../postgres/sql.ts';
import type { FeeTerm } from '../../providers/provider.ts';
import type { AccountRules } from './account-rules.ts';
import { itemAccountOf } from './items.ts';
import { refreshFiles } from './observe.ts';
import type { Books } from './observe-files.ts';
import { observeLinesAgain } from './observed-lines-store.ts';
import { watchOwners } from './own-entries.ts';
import { holdEngine, stirAccounts } from './residue-store.ts';
import { noteJudgedBy, selectJudgedBy } from './rules-store.ts';
import type { TurnParts } from './turn.ts';

const DAY_MS = 86_400_000;
/** Of what is longer ago nobody is charged back. */
const CONTRACT_DAYS = 400;

/**
 * Has the items of accounts whose settings changed judged anew, their lines observed anew where what was agreed changed, and the
 * entries of their bank accounts looked at.
 */
export async function watchRules(
  tx: Tx,
  parts: Pick<TurnParts, 'settingsOf' | 'clock' | 'rulesOf' | 'accounts'>,
): Promise<void> {
  // Whoever has the engine sees it as well.
  if (await holdEngine(tx)) await refreshFiles(tx, await watchOwners(tx), parts.clock.now(), parts);
  const all = (await selectJudgedBy(tx)).flatMap(({ id, path, settings: before }) => {
    const account = itemAccountOf({ id, path });
    return account === null ? [] : [{ id, account, before, settings: parts.settingsOf(account) }];
  });
  const changed = all.filter(({ before, settings }) => settings !== before);
  if (changed.length === 0) return;
  const now = parts.clock.now();
  // An account that is new was judged by nothing else yet.
  const again = changed.filter(({ before }) => before !== null).map(({ id }) => id);
  await stirAccounts(tx, again, new Date(now));
  // A ledger account that is new may be of books that are known.
  const known = new Map(all.flatMap(({ account, before }) => (before === null ? [] : [[keyOf(account), before]])));
  const books = new Map(changed.map(({ account, settings }) => [keyOf(account), { account, settings }]));
  for (const [key, { account, settings }] of books) {
    const since = contractChangedSince(contractOf(known.get(key)), contractOf(settings));
    if (since === null) continue;
    const from = Math.max(now - CONTRACT_DAYS * DAY_MS, since === '' ? 0 : Date.parse(since) - DAY_MS);
    await observeLinesAgain(tx, { ...account, since: new Date(from) });
  }
  await noteJudgedBy(tx, changed);
}

const keyOf = ({ provider, account }: Books): string => JSON.stringify([provider, account]);

const contractOf = (settings: string | undefined): readonly FeeTerm[] =>
  settings === undefined ? [] : ((JSON.parse(settings) as Partial<AccountRules>).feeContract ?? []);

/** The first day on which it says something else now, empty where that is any; null where it says the same. */
function contractChangedSince(before: readonly FeeTerm[], after: readonly FeeTerm[]): string | null {
  const [was, is] = [before.map(textOf), after.map(textOf)];
  if (was.join() === is.join()) return null;
  const other = [...before, ...after].filter((term) => !was.includes(textOf(term)) || !is.includes(textOf(term)));
  return other.map(({ from = '' }) => from).sort()[0] ?? '';
}

const textOf = (term: FeeTerm): string => JSON.stringify(term);
