import { type DiscrepancyStatus, ENDED_LIST } from '../../discrepancy-status.ts';
import { textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import type { Side, SuggestedAction } from '../engine/discrepancy-store.ts';
import type { Difference, DiscrepancyClass } from '../engine/verdict.ts';
import type { DiscrepancyFilter } from './filter.ts';

export type DiscrepancyRow = {
  readonly id: string;
  readonly fingerprint: string;
  readonly class: DiscrepancyClass;
  readonly cause: string | null;
  readonly status: DiscrepancyStatus;
  readonly in_proof: boolean;
  readonly provider: string;
  readonly account: string;
  readonly item: string | null;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
  readonly delta: string;
  readonly ledger: Side;
  readonly settlement: Side;
  readonly bank: Side;
  readonly differences: readonly Difference[];
  readonly suggested: SuggestedAction | null;
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly occurred_at: Date;
  readonly due_at: Date | null;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly cleared_at: Date | null;
  readonly assignee: string | null;
  readonly reason_code: string | null;
};

const COLUMNS = `d.id, d.fingerprint, d.class, d.cause, d.status, d.in_proof, d.provider, d.account, d.item, d.reference, d.component,
  d.currency, d.delta::text as delta, d.ledger, d.settlement, d.bank, d.differences, d.suggested, d.evidence, d.occurred_at, d.due_at,
  d.first_seen_at, d.last_seen_at, d.cleared_at, d.assignee, d.reason_code`;

const DAY_MS = 86_400_000;

function conditionsOf(filter: DiscrepancyFilter, now: number): { where: string; values: unknown[] } {
  const conditions = ['true'];
  const values: unknown[] = [];
  const add = (value: unknown, condition: (parameter: string) => string): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  add(filter.type, (p) => `d.class = ${p}`);
  add(filter.status, (p) => `d.status = ${p}`);
  add(filter.provider, (p) => `d.provider = ${p}`);
  add(filter.account, (p) => `d.account = ${p}`);
  add(filter.currency, (p) => `d.currency = ${p}`);
  add(filter.reference, (p) => `d.reference = ${p}`);
  add(filter.cause, (p) => `d.cause = ${p}`);
  add(filter.assignee, (p) => `d.assignee = ${p}`);
  add(filter.in_proof, (p) => `d.in_proof = ${p}`);
  const before = (days: number): Date => new Date(now - days * DAY_MS);
  if (filter.min_age_days !== undefined) add(before(filter.min_age_days), (p) => `d.occurred_at <= ${p}::timestamptz`);
  if (filter.max_age_days !== undefined)
    add(before(filter.max_age_days + 1), (p) => `d.occurred_at > ${p}::timestamptz`);
  if (filter.finished !== undefined) conditions.push(`d.status ${filter.finished ? 'in' : 'not in'} ${ENDED_LIST}`);
  return { where: conditions.join(' and '), values };
}

/** The newest first, after the last of the page before. */
export async function selectDiscrepancies(
  sql: Sql,
  filter: DiscrepancyFilter,
  { before, limit, now }: { before: string | null; limit: number; now: number },
): Promise<DiscrepancyRow[]> {
  const { where, values } = conditionsOf(filter, now);
  const { rows } = await sql.query<DiscrepancyRow>(
    `select ${COLUMNS} from postern.discrepancies d
     where ${where} and ($${values.length + 1}::uuid is null or d.id < $${values.length + 1})
     order by d.id desc limit $${values.length + 2}`,
    [...values, before, limit],
  );
  return rows;
}

export async function countDiscrepancies(sql: Sql, filter: DiscrepancyFilter, now: number): Promise<number> {
  const { where, values } = conditionsOf(filter, now);
  const { rows } = await sql.query<{ count: number }>(
    `select count(*)::int4 as count from postern.discrepancies d where ${where}`,
    values,
  );
  return rows[0]?.count ?? 0;
}

export async function selectDiscrepancy(sql: Sql, id: string): Promise<DiscrepancyRow | undefined> {
  const { rows } = await sql.query<DiscrepancyRow>(`select ${COLUMNS} from postern.discrepancies d where d.id = $1`, [
    id,
  ]);
  return rows[0];
}

/** Locks them in the order in which the engine does. */
export async function lockDiscrepancies(
  tx: Tx,
  which: { readonly ids: readonly string[] } | { readonly filter: DiscrepancyFilter; readonly now: number },
  limit: number,
): Promise<DiscrepancyRow[]> {
  const { where, values } =
    'ids' in which
      ? { where: 'd.id = any ($1::uuid[])', values: [uuidTextArray(which.ids)] }
      : conditionsOf(which.filter, which.now);
  const { rows } = await tx.query<DiscrepancyRow>(
    `select ${COLUMNS} from postern.discrepancies d where ${where} order by d.fingerprint limit $${values.length + 1} for no key update`,
    [...values, limit],
  );
  return rows;
}

export type Worked = {
  readonly id: string;
  readonly status: DiscrepancyStatus;
  readonly assignee: string | null;
  readonly reasonCode: string | null;
};

export async function updateWorked(tx: Tx, worked: readonly Worked[]): Promise<void> {
  await tx.query(
    `update postern.discrepancies d set status = w.status, assignee = w.assignee, reason_code = w.reason_code
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as w (id, status, assignee, reason_code) where d.id = w.id`,
    [
      uuidTextArray(worked.map((one) => one.id)),
      textArray(worked.map((one) => one.status)),
      textArray(worked.map((one) => one.assignee)),
      textArray(worked.map((one) => one.reasonCode)),
    ],
  );
}

export type HistoryRow = {
  readonly no: number;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly detail: unknown;
};

const HISTORY_SHOWN = 500;

/** The last of them, oldest first. */
export async function selectHistory(sql: Sql, id: string): Promise<HistoryRow[]> {
  const { rows } = await sql.query<HistoryRow>(
    `select * from (
       select h.no, h.at, h.actor, h.action, h.detail from postern.discrepancy_history h where h.discrepancy_id = $1
       order by h.no desc limit ${HISTORY_SHOWN}
     ) as h order by h.no`,
    [id],
  );
  return rows;
}

export type MovementRow = {
  readonly transaction: string;
  readonly kind: string;
  readonly at: Date;
  readonly amount: bigint;
  readonly event: string | null;
  readonly line: string | null;
  readonly settlement: string | null;
  readonly row: bigint | null;
  readonly raw: string | null;
  readonly reversed: boolean;
};

const MOVEMENTS_SHOWN = 200;

/** What moved an item, both sides, with the lines of reports and statements behind it; the oldest first. */
export async function selectMovements(
  sql: Sql,
  item: { account: string; reference: string; component: string; currency: string },
): Promise<MovementRow[]> {
  const { rows } = await sql.query<MovementRow>(
    `select t.id as transaction, t.kind, t.effective_at as at, p.amount, t.source_event as event, t.source_line as line,
       coalesce(l.settlement_id, b.bank_statement_id) as settlement, coalesce(l.row_no, b.row_no) as row, coalesce(l.raw, b.raw) as raw,
       t.reverses is not null or exists (select from postern.transactions u where u.reverses = t.id) as reversed
     from postern.postings p
     join postern.accounts a on a.id = p.account_id
     join postern.transactions t on t.id = p.transaction_id
     left join postern.settlement_lines l on l.id = t.source_line
     left join postern.bank_lines b on b.id = t.source_line
     where p.reference = $2 and a.path = $1 and coalesce(p.component, '') = $3 and p.currency = $4
     order by t.effective_at, t.id limit ${MOVEMENTS_SHOWN}`,
    [item.account, item.reference, item.component, item.currency],
  );
  return rows;
}

/** The ledger account of an item, by its role. */
export async function findItemAccount(
  sql: Sql,
  { provider, account, role }: { provider: string; account: string; role: string },
): Promise<{ id: number; path: string } | undefined> {
  const { rows } = await sql.query<{ id: number; path: string }>(
    `select a.id, a.path from postern.accounts a
     where a.path in ('asset:' || $3 || ':' || postern.path_part($1) || ':' || postern.path_part($2),
       'liability:' || $3 || ':' || postern.path_part($1) || ':' || postern.path_part($2))`,
    [provider, account, role],
  );
  return rows[0];
}

/** Takes a suggestion, so that it is agreed to once. */
export async function takeSuggestion(
  tx: Tx,
  id: string,
): Promise<
  | {
      account_id: number;
      currency: string;
      pass: string;
      score: number;
      debit_reference: string;
      debit_component: string;
      credit_reference: string;
      credit_component: string;
      amount: bigint;
    }
  | undefined
> {
  const { rows } = await tx.query<{
    account_id: number;
    currency: string;
    pass: string;
    score: number;
    debit_reference: string;
    debit_component: string;
    credit_reference: string;
    credit_component: string;
    amount: bigint;
  }>(
    `delete from postern.suggestions s where s.id = $1
     returning s.account_id, s.currency, s.pass, s.score, s.debit_reference, s.debit_component, s.credit_reference, s.credit_component, s.amount`,
    [id],
  );
  return rows[0];
}
