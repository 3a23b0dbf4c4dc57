import type { Clock } from '../clock.ts';
import { PosternError } from '../errors.ts';
import type { Tx } from '../postgres/sql.ts';
import type { SettlementLine } from '../settlement-line.ts';
import { uuidv7 } from '../uuid.ts';
import { type AccountRef, chart } from './chart.ts';
import { isFeeLook, type RuleContext } from './draft.ts';
import { openAccounts } from './ledger-store.ts';
import { type EncodedEntries, encodeEntries, type LineEntry, recordMany, settleMany } from './many-store.ts';
import { entryOf } from './payment-state.ts';
import { draftsOf, RULE_VERSION } from './rules.ts';

export type ToldLine = {
  /** The line's id. */
  readonly line: string;
  readonly told: SettlementLine;
};

/** Lines of one processor account on their way in, in one database transaction, whose fees the caller holds (`holdFees`). */
export type ManyLines = {
  /** The rules: no database. Of one group while the server writes the one before. */
  prepare(lines: readonly ToldLine[]): EncodedEntries;
  /** One group at a time. Asks the server before it returns, once the accounts are known. */
  record(entries: EncodedEntries): Promise<void>;
  /** All is posted, and what is derived from it is right. */
  end(): Promise<void>;
};

/**
 * The same as `Ledger.post` for lines that were never posted, at a multiple of its pace: the rules run while the database
 * writes the batch before, and open items and balances are written once.
 * @throws PosternError `conflict` where something else stands under the key of a line.
 */
export function postManyLines(tx: Tx, context: RuleContext, { clock }: { readonly clock: Clock }): ManyLines {
  const ids = new Map<string, number>();
  const { path: pendingPath } = chart.processorPending(context);

  /** Those that no group before had. */
  function unopened(accounts: readonly AccountRef[]): AccountRef[] {
    const missing = new Map<string, AccountRef>();
    if (!ids.has(pendingPath)) missing.set(pendingPath, chart.processorPending(context));
    for (const account of accounts) if (!ids.has(account.path)) missing.set(account.path, account);
    return [...missing.values()];
  }

  const accountId = (path: string): number => {
    const id = ids.get(path);
    if (id === undefined) throw new PosternError('internal', `account ${path} was not opened`);
    return id;
  };

  async function record(encoded: EncodedEntries): Promise<void> {
    const { entries, accounts } = encoded;
    if (entries.length === 0) return;
    const missing = unopened(accounts);
    if (missing.length > 0) for (const { id, path } of await openAccounts(tx, missing)) ids.set(path, id);
    const taken = await recordMany(tx, encoded, {
      accountId,
      pending: accountId(pendingPath),
      ruleVersion: RULE_VERSION,
    });
    if (taken.length === 0) return;
    const told = new Map(entries.map(({ entry }) => [entry.id, entry]));
    const clash = taken.find(({ id, same }) => !same && told.get(id)?.yields !== true);
    if (clash === undefined) return;
    throw new PosternError(
      'conflict',
      `something else is posted under ${told.get(clash.id)?.effectKey}: the report contradicts the books, and nothing of it was posted`,
    );
  }

  return {
    prepare: (lines) => encodeEntries(entriesOf(lines, context, () => uuidv7(clock.now()))),
    record,
    end: () => settleMany(tx),
  };
}

/** In the order of their keys, each once: several lines may tell of one payout. */
function entriesOf(lines: readonly ToldLine[], context: RuleContext, newId: () => string): LineEntry[] {
  const entries = new Map<string, LineEntry>();
  for (const { line, told } of lines) {
    for (const draft of draftsOf(told, context)) {
      if (draft.legs.length === 0 && draft.look === null) continue;
      const entry = entryOf({ draft, context }, draft, newId());
      const first = entries.get(entry.effectKey);
      if (first === undefined) {
        const fee = isFeeLook(draft.look) ? draft.look.reference : null;
        entries.set(entry.effectKey, { entry, line, zone: entry.zone ?? null, fee });
      } else if (entry.yields !== true && !first.entry.content.equals(entry.content))
        throw new PosternError('conflict', `two lines of the report are told apart by nothing: ${entry.effectKey}`);
    }
  }
  return [...entries.values()].sort((a, b) => (a.entry.effectKey < b.entry.effectKey ? -1 : 1));
}
