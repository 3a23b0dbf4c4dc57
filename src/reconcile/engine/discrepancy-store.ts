import type { DiscrepancyStatus } from '../../discrepancy-status.ts';
import { boolArray, textArray, timestamptzArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Tx } from '../../postgres/sql.ts';
import type { Difference, DiscrepancyClass } from './verdict.ts';

/** What one side says, or nothing. Amounts are signed from the merchant's side. */
export type Side = {
  readonly amount?: string;
  readonly movements?: number;
  readonly first_at?: string;
  readonly last_at?: string;
};

export type SuggestedAction = {
  readonly action: string;
  readonly postings: readonly {
    readonly account: string;
    readonly direction: 'debit' | 'credit';
    readonly amount: string;
    readonly currency: string;
    readonly reference: string | null;
    readonly component: string | null;
  }[];
};

/** A discrepancy as the engine finds it. Times are unix ms. */
export type Found = {
  readonly fingerprint: string;
  readonly class: DiscrepancyClass;
  readonly cause: string | null;
  readonly inProof: boolean;
  readonly provider: string;
  readonly account: string;
  readonly item: string | null;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
  readonly delta: bigint;
  readonly ledger: Side;
  readonly settlement: Side;
  readonly bank: Side;
  readonly differences: readonly Difference[];
  readonly suggested: SuggestedAction | null;
  readonly evidence: Readonly<Record<string, string | number | null>>;
  readonly occurredAt: number;
  readonly dueAt: number | null;
};

export type Standing = {
  readonly id: string;
  readonly fingerprint: string;
  readonly class: string;
  readonly status: DiscrepancyStatus;
  readonly delta: string;
  /** It netted, and was not found again since. */
  readonly cleared: boolean;
};

/** In one order, so that two who change the same wait for each other. */
export async function lockStanding(tx: Tx, fingerprints: readonly string[]): Promise<Standing[]> {
  const { rows } = await tx.query<Standing>(
    `select d.id, d.fingerprint, d.class, d.status, d.delta::text as delta, d.cleared_at is not null as cleared
     from postern.discrepancies d
     where d.fingerprint = any ($1::text[]) order by d.fingerprint for no key update`,
    [textArray(fingerprints)],
  );
  return rows;
}

export type Written = Found & { readonly id: string; readonly status: DiscrepancyStatus };

/** `status` is written where it is another than before; who has it in hand keeps it. */
export async function writeFound(tx: Tx, found: readonly Written[], now: Date): Promise<void> {
  if (found.length === 0) return;
  const json = (value: unknown): string => JSON.stringify(value);
  await tx.query(
    `insert into postern.discrepancies as d (id, fingerprint, class, cause, status, in_proof, provider, account, item, reference, component,
       currency, delta, ledger, settlement, bank, differences, suggested, evidence, occurred_at, due_at, first_seen_at, last_seen_at)
     select id, fingerprint, class, cause, status, in_proof, provider, account, item, reference, component, currency, delta::numeric,
       ledger::jsonb, settlement::jsonb, bank::jsonb, differences::jsonb, suggested::jsonb, evidence::jsonb, occurred_at, due_at, $22, $22
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::text[], $10::text[],
       $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::timestamptz[],
       $21::timestamptz[])
       as f (id, fingerprint, class, cause, status, in_proof, provider, account, item, reference, component, currency, delta, ledger,
         settlement, bank, differences, suggested, evidence, occurred_at, due_at)
     order by fingerprint
     on conflict (fingerprint) do update
     set class = excluded.class, cause = excluded.cause, status = excluded.status, in_proof = excluded.in_proof, delta = excluded.delta,
       ledger = excluded.ledger, settlement = excluded.settlement, bank = excluded.bank, differences = excluded.differences,
       suggested = excluded.suggested, evidence = excluded.evidence, occurred_at = excluded.occurred_at, due_at = excluded.due_at,
       last_seen_at = excluded.last_seen_at,
       cleared_at = case when excluded.status = 'reopened' then null else d.cleared_at end,
       reason_code = case when excluded.status = 'reopened' then null else d.reason_code end`,
    [
      uuidTextArray(found.map((one) => one.id)),
      textArray(found.map((one) => one.fingerprint)),
      textArray(found.map((one) => one.class)),
      textArray(found.map((one) => one.cause)),
      textArray(found.map((one) => one.status)),
      boolArray(found.map((one) => one.inProof)),
      textArray(found.map((one) => one.provider)),
      textArray(found.map((one) => one.account)),
      textArray(found.map((one) => one.item)),
      textArray(found.map((one) => one.reference)),
      textArray(found.map((one) => one.component)),
      textArray(found.map((one) => one.currency)),
      textArray(found.map((one) => String(one.delta))),
      textArray(found.map((one) => json(one.ledger))),
      textArray(found.map((one) => json(one.settlement))),
      textArray(found.map((one) => json(one.bank))),
      textArray(found.map((one) => json(one.differences))),
      textArray(found.map((one) => (one.suggested === null ? null : json(one.suggested)))),
      textArray(found.map((one) => json(one.evidence))),
      timestamptzArray(found.map((one) => one.occurredAt)),
      timestamptzArray(found.map((one) => one.dueAt)),
      now,
    ],
  );
}

/** What nets is cleared by itself; what a person was done with before stays what it was. Returns those that had not netted yet. */
export async function clearNetted(tx: Tx, ids: readonly string[], now: Date): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<{ id: string }>(
    `update postern.discrepancies d
     set cleared_at = $2, status = case when d.status in ('resolved', 'written_off') then d.status else 'auto_cleared' end
     from (
       select x.id from postern.discrepancies x where x.id = any ($1::uuid[]) and x.cleared_at is null order by x.fingerprint
       for no key update
     ) as b
     where d.id = b.id returning d.id`,
    [uuidTextArray(ids), now],
  );
  return rows.map(({ id }) => id);
}

export type HistoryEntry = {
  readonly id: string;
  readonly actor: string;
  readonly action: string;
  readonly detail: unknown;
};

/** At most one entry a discrepancy in one call. */
export async function addHistory(tx: Tx, entries: readonly HistoryEntry[], now: Date): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(
    `insert into postern.discrepancy_history (discrepancy_id, no, at, actor, action, detail)
     select e.id, coalesce((select max(h.no) from postern.discrepancy_history h where h.discrepancy_id = e.id), 0) + 1, $5, e.actor,
       e.action, e.detail::jsonb
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as e (id, actor, action, detail)`,
    [
      uuidTextArray(entries.map((one) => one.id)),
      textArray(entries.map((one) => one.actor)),
      textArray(entries.map((one) => one.action)),
      textArray(entries.map((one) => JSON.stringify(one.detail))),
      now,
    ],
  );
}
