import { insertAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import { messageOf, PosternError } from '../errors.ts';
import { sqlStateOf, type Tx } from '../postgres/sql.ts';
import { isUuid, uuidv7 } from '../uuid.ts';
import { zoneOfDay } from './accounting-day.ts';
import { reversalOf } from './entry.ts';
import { linesOf, lockReferences, openAccounts, postEntries, type ToldEntry } from './ledger-store.ts';
import { findTransaction, type Posting, type Transaction } from './queries-store.ts';
import { hasRefunds, reversedBy } from './reversal-store.ts';
import { RULE_VERSION } from './rules.ts';
import { fromPerson } from './source.ts';

export type ReversalOrder = {
  /** Of the transaction to take back. */
  readonly id: string;
  readonly actor: string;
  readonly reason: string;
  /** Shows what would be posted, and posts nothing. */
  readonly dryRun?: boolean;
};

export type ReversalResult =
  | { readonly kind: 'reversed'; readonly transaction: Transaction; readonly postings: readonly Posting[] }
  | { readonly kind: 'refused'; readonly code: 'not_found' | 'conflict' | 'invalid_request'; readonly message: string };

/**
 * Takes a transaction back by its mirror image, in the caller's transaction: corrections add to the books and never change
 * them. It happened when the other happened; it is accounted on the other's day or, if that is closed since, on the first
 * day of the oldest open period. Once each, and never a reversal itself: else nobody could tell what stands without
 * following a chain.
 */
export async function reverseTransaction(
  tx: Tx,
  { id, actor, reason, dryRun = false }: ReversalOrder,
  { clock }: { readonly clock: Clock },
): Promise<ReversalResult> {
  // Postgres keeps no U+0000 in a text.
  const why = reason.toWellFormed().replaceAll('\u0000', '\ufffd').trim();
  if (why === '') return refused('invalid_request', 'a reversal needs a reason');
  const found = isUuid(id) ? await findTransaction(tx, id) : null;
  if (found === null) return refused('not_found', `there is no transaction ${id}`);
  const { transaction: original, postings } = found;
  if (original.reverses !== null) {
    return refused(
      'conflict',
      `transaction ${id} is a reversal itself (of ${original.reverses}), and reversals are not reversed: what was taken back by mistake is posted anew`,
    );
  }
  await lockReferences(tx, locksOf(original, postings));
  if (original.source.request !== null && (await hasRefunds(tx, id)))
    return refused(
      'conflict',
      `transaction ${id} was refunded, in part or whole: refund what is left of it, or reverse its refunds first`,
    );
  const before = await reversedBy(tx, id);
  if (before !== null) return refused('conflict', `transaction ${id} was reversed before, by ${before}`);
  const legs = (await linesOf(tx, [id])).map(({ line }) => line);
  if (legs.length === 0)
    return refused('conflict', `transaction ${id} (${original.kind}) moves nothing that could be taken back`);

  const at = original.effectiveAt.getTime();
  const zone = zoneOfDay(at, original.accountingDate);
  const entry = reversalOf(
    { id, effectKey: original.effectKey, at, legs },
    { id: uuidv7(clock.now()), kind: 'reversal', zone },
  );
  await tx.query('savepoint reversal');
  const refusal = await post(tx, { source: fromPerson({ actor, reason: why }), zone, entry });
  if (refusal !== null) return refused('conflict', `transaction ${id} was not reversed: ${refusal}`);
  const reversal = await findTransaction(tx, entry.id);
  if (reversal === null) throw new PosternError('internal', `reversal ${entry.id} was posted and is not there`);
  if (dryRun) await tx.query('rollback to savepoint reversal');
  else {
    await tx.query('release savepoint reversal');
    const details = { reversed: id, effect_key: original.effectKey, kind: original.kind };
    await insertAudit(tx, {
      actor,
      action: 'ledger.reverse',
      subject: `transaction:${entry.id}`,
      reason: why,
      details,
    });
  }
  return { kind: 'reversed', ...reversal };
}

/** Null when it is posted, else why the books did not take it. */
async function post(tx: Tx, told: ToldEntry): Promise<string | null> {
  try {
    const accounts = await openAccounts(
      tx,
      told.entry.legs.map(({ account }) => account),
    );
    const ids = new Map(accounts.map(({ path, id }) => [path, id]));
    const [taken] = await postEntries(tx, [told], (path) => ids.get(path) ?? 0, RULE_VERSION);
    return taken === undefined ? null : `it was reversed meanwhile, by ${taken.existing}`;
  } catch (error) {
    // An account of it is closed, or somebody else took it back under another key.
    if (!['23514', '23505'].includes(sqlStateOf(error) ?? '')) throw error;
    await tx.query('rollback to savepoint reversal');
    return messageOf(error);
  }
}

const refused = (code: Extract<ReversalResult, { kind: 'refused' }>['code'], message: string): ReversalResult => ({
  kind: 'refused',
  code,
  message,
});

/** The locks of the rules that look at these references: one of them may be taking the same back. */
function locksOf({ effectKey }: Transaction, postings: readonly Posting[]): string[] {
  const prefix = effectKey.split(':', 2).join(':');
  return [...new Set(postings.flatMap(({ reference }) => (reference === null ? [] : [`${prefix}:${reference}:`])))];
}
