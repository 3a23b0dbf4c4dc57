import type pg from 'pg';
import { insertAudit } from '../../audit-store.ts';
import type { Clock } from '../../clock.ts';
import { ENDED_STATUSES } from '../../discrepancy-status.ts';
import { assertNever, PosternError } from '../../errors.ts';
import { createLedger, type Ledger } from '../../ledger/post.ts';
import { fromPerson } from '../../ledger/source.ts';
import { type Tx, withTransaction } from '../../postgres/sql.ts';
import { isUuid } from '../../uuid.ts';
import type { RulesOf } from '../engine/account-rules.ts';
import { postWishes } from '../engine/apply-matches.ts';
import { namedId } from '../engine/around-store.ts';
import { correctionsFor } from '../engine/correction.ts';
import { addHistory } from '../engine/discrepancy-store.ts';
import { factsOf } from '../engine/facts-store.ts';
import { type ItemKey, itemAccountOf } from '../engine/items.ts';
import {
  type DiscrepancyRow,
  findItemAccount,
  lockDiscrepancies,
  takeSuggestion,
  updateWorked,
  type Worked,
} from './discrepancies-store.ts';
import type { DiscrepancyFilter } from './filter.ts';

/** What a person does about discrepancies. */
export type Action =
  | { readonly action: 'assign'; readonly assignee: string | null; readonly note?: string }
  | { readonly action: 'note'; readonly note: string }
  | { readonly action: 'explain'; readonly reason_code: string; readonly note?: string }
  | { readonly action: 'reopen'; readonly reason: string }
  /** An allocation that the engine suggested for this item. */
  | { readonly action: 'agree'; readonly suggestion: string; readonly reason: string }
  /** What its webhook would have told, made from the line. */
  | { readonly action: 'post_correction'; readonly reason: string };

export type Discrepancies = {
  /** @throws PosternError `not_found`; `conflict` where it does not fit its state. */
  act(id: string, action: Action, actor: string): Promise<void>;
  /**
   * The same on all that a filter means, in one transaction; those that it does not fit are left out. `dryRun`: does it, tells
   * what came of it, and takes it all back.
   * @throws PosternError `too_large` beyond `BULK_MAX`.
   */
  actOnAll(order: BulkOrder): Promise<BulkDone>;
};

export type BulkOrder = {
  readonly filter: DiscrepancyFilter;
  readonly action: BulkAction;
  readonly actor: string;
  readonly dryRun: boolean;
};

export type BulkDone = {
  readonly total: number;
  readonly changed: number;
  /** The first `LEFT_OUT_MAX` of those that were left out, and why. */
  readonly leftOut: readonly { readonly id: string; readonly reason: string }[];
};

export type BulkAction = Exclude<Action, { action: 'agree' }>;

export const BULK_MAX = 10_000;
export const LEFT_OUT_MAX = 100;

type Parts = {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'post'>;
  readonly rulesOf: RulesOf;
};

/** The work on discrepancies: every step is in its history and in the audit log. */
export function createDiscrepancies(parts: Parts): Discrepancies {
  const { pool, clock } = parts;

  async function act(id: string, action: Action, actor: string): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const [row] = isUuid(id) ? await lockDiscrepancies(tx, { ids: [id] }, 1) : [];
      if (row === undefined) throw new PosternError('not_found', `there is no discrepancy ${id}`);
      const done = await workOn(tx, row, action, actor, parts);
      if (typeof done === 'string') throw new PosternError('conflict', done);
      await keep(tx, [done], action, actor);
      const { reason, details } = auditOf(action);
      await insertAudit(tx, {
        actor,
        action: `discrepancy.${action.action}`,
        subject: `discrepancy:${id}`,
        reason,
        details,
      });
    });
  }

  function actOnAll({ filter, action, actor, dryRun }: BulkOrder): Promise<BulkDone> {
    // What a ledger learns of accounts that are taken back again goes with it.
    const among = dryRun ? { ...parts, ledger: createLedger({ clock }) } : parts;
    return withTransaction(pool, async (tx) => {
      const rows = await lockDiscrepancies(tx, { filter, now: clock.now() }, BULK_MAX + 1);
      if (rows.length > BULK_MAX)
        throw new PosternError('too_large', `the filter means more than ${BULK_MAX} discrepancies: make it narrower`);
      await tx.query('savepoint bulk');
      const done: Worked[] = [];
      const leftOut: { readonly id: string; readonly reason: string }[] = [];
      for (const row of rows) {
        const worked = await workApart(tx, row, action, actor, among);
        if (typeof worked !== 'string') done.push(worked);
        else if (leftOut.length < LEFT_OUT_MAX) leftOut.push({ id: row.id, reason: worked });
      }
      const outcome = { total: rows.length, changed: done.length, leftOut };
      if (dryRun) {
        await tx.query('rollback to savepoint bulk');
        return outcome;
      }
      await keep(tx, done, action, actor);
      const { reason, details } = auditOf(action);
      await insertAudit(tx, {
        actor,
        action: `discrepancies.${action.action}`,
        subject: 'discrepancies:filter',
        reason,
        details: { ...details, filter, total: rows.length, changed: done.length },
      });
      return outcome;
    });
  }

  async function keep(tx: Tx, done: readonly Worked[], action: Action, actor: string): Promise<void> {
    if (done.length === 0) return;
    await updateWorked(tx, done);
    const { action: name, ...detail } = action;
    await addHistory(
      tx,
      done.map(({ id }) => ({ id, actor, action: name, detail })),
      new Date(clock.now()),
    );
  }

  return { act, actOnAll };
}

/** One of many: what could not be posted of it leaves nothing behind in the transaction of the others. */
async function workApart(
  tx: Tx,
  row: DiscrepancyRow,
  action: BulkAction,
  actor: string,
  parts: Parts,
): Promise<Worked | string> {
  if (action.action !== 'post_correction') return workOn(tx, row, action, actor, parts);
  await tx.query('savepoint discrepancy');
  const worked = await workOn(tx, row, action, actor, parts);
  if (typeof worked === 'string') await tx.query('rollback to savepoint discrepancy');
  await tx.query('release savepoint discrepancy');
  return worked;
}

/** What becomes of one, or why it cannot be. */
async function workOn(
  tx: Tx,
  row: DiscrepancyRow,
  action: Action,
  actor: string,
  parts: Parts,
): Promise<Worked | string> {
  const { id, status, assignee, reason_code: reasonCode } = row;
  const same: Worked = { id, status, assignee, reasonCode };
  const isOver = ENDED_STATUSES.includes(status);
  switch (action.action) {
    case 'note':
      return same;
    case 'assign':
      if (isOver) return `discrepancy ${id} is ${status}: reopen it first`;
      return { ...same, assignee: action.assignee, status: action.assignee === null ? 'open' : 'assigned' };
    case 'explain':
      if (isOver) return `discrepancy ${id} is ${status} already`;
      return { ...same, status: 'resolved', reasonCode: action.reason_code };
    case 'reopen':
      if (!isOver) return `discrepancy ${id} is not over: it is ${status}`;
      if (row.cleared_at !== null) return `discrepancy ${id} has netted: there is nothing to work on`;
      return { ...same, status: 'reopened', reasonCode: null };
    case 'agree':
      return (await agree(tx, row, action.suggestion, actor, parts)) ?? same;
    case 'post_correction':
      return isOver
        ? `discrepancy ${id} is ${status}`
        : ((await correct(tx, row, action.reason, actor, parts)) ?? same);
    default:
      return assertNever(action);
  }
}

async function agree(
  tx: Tx,
  row: DiscrepancyRow,
  suggestion: string,
  actor: string,
  { ledger, clock, rulesOf }: Parts,
): Promise<string | null> {
  const found = isUuid(suggestion) ? await takeSuggestion(tx, suggestion) : undefined;
  const account = row.item === null ? undefined : await findItemAccount(tx, { ...row, role: row.item });
  const itemAccount = account === undefined ? null : itemAccountOf(account);
  const isOurs =
    found?.account_id === account?.id && [found?.debit_reference, found?.credit_reference].includes(row.reference);
  if (found === undefined || itemAccount === null || !isOurs)
    return `there is no suggestion ${suggestion} for discrepancy ${row.id} any more`;
  const part = (reference: string, component: string): ItemKey => ({
    accountId: found.account_id,
    currency: found.currency,
    reference,
    component,
  });
  const debit = part(found.debit_reference, found.debit_component);
  const credit = part(found.credit_reference, found.credit_component);
  const facts = await factsOf(tx, [debit, credit]);
  const { currency, amount, pass, score } = found;
  const wish = { accountId: found.account_id, currency, debit, credit, amount, pass, score };
  await postWishes(tx, [wish], actor, facts, {
    ledger,
    clock,
    accountOf: (id) => (id === itemAccount.id ? itemAccount : undefined),
    zoneOf: (one) => rulesOf(one).zone,
  });
  return null;
}

async function correct(
  tx: Tx,
  row: DiscrepancyRow,
  reason: string,
  actor: string,
  { ledger, rulesOf }: Parts,
): Promise<string | null> {
  const { provider, account, reference } = row;
  const pending = await findItemAccount(tx, { provider, account, role: 'processor_pending' });
  if (row.class !== 'missing_in_ledger' || pending === undefined)
    return `a correction is posted for what is missing in the ledger; discrepancy ${row.id} is ${row.class}`;
  const named = { accountId: pending.id, reference };
  const events = (await correctionsFor(tx, [named])).get(namedId(named)) ?? [];
  if (events.length === 0) return `the lines about ${reference} do not say enough to post what its webhook would have`;
  const { marketplace, zone } = rulesOf(row);
  const results = await ledger.post(tx, [
    { source: fromPerson({ actor, reason }), provider, account, marketplace, zone, events },
  ]);
  const [result] = results;
  if (result?.kind === 'posted') return null;
  return result?.kind === 'conflict'
    ? `something else is posted under ${result.effectKey}: the correction contradicts it, and nothing was posted`
    : `the correction of ${reference} posted nothing`;
}

function auditOf(action: Action): { reason: string | null; details: Record<string, unknown> } {
  const { action: _name, ...details } = action;
  return { reason: 'reason' in action ? action.reason : null, details };
}
