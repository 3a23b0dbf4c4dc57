import { byteaArray, int8Array, textArray, timestamptzArray, uuidTextArray } from '../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import type { Request } from './asked.ts';

/** A request that posted, as a refund sees it. */
export type Original = {
  readonly transactionId: string;
  readonly kind: 'transfer' | 'refund';
  readonly source: string;
  readonly destination: string;
  readonly currency: string;
};

/** Those of these transactions that a service made. */
export async function findOriginals(sql: Sql, transactionIds: readonly string[]): Promise<Original[]> {
  const result = await sql.query<{
    transaction_id: string;
    kind: Original['kind'];
    source: string;
    destination: string;
    currency: string;
  }>(
    {
      name: 'requests-originals',
      text: `select r.transaction_id, r.kind, r.source, r.destination, r.currency
        from postern.requests r where r.transaction_id = any ($1::uuid[])`,
    },
    [uuidTextArray(transactionIds)],
  );
  return result.rows.map(({ transaction_id: transactionId, ...row }) => ({ transactionId, ...row }));
}

/** Those of these ids that are transactions at all. */
export async function knownTransactions(sql: Sql, ids: readonly string[]): Promise<Set<string>> {
  const result = await sql.query<{ id: string }>('select id from postern.transactions where id = any ($1::uuid[])', [
    uuidTextArray(ids),
  ]);
  return new Set(result.rows.map((row) => row.id));
}

/** Claims the keys, in their order: two instances with overlapping groups deadlock otherwise. Returns the ids that got theirs. */
export async function claim(tx: Tx, requests: readonly Request[]): Promise<Set<string>> {
  const rows = [...requests].sort((a, b) => (a.asked.idempotencyKey < b.asked.idempotencyKey ? -1 : 1));
  const result = await tx.query<{ id: string }>(
    {
      name: 'requests-claim',
      text: `insert into postern.requests (id, idempotency_key, content, kind, source, destination, currency, amount, refunds,
          transaction_id, actor, created_at, status)
        select i.*, 'processing' from unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[],
          $8::int8[], $9::uuid[], $10::uuid[], $11::text[], $12::timestamptz[]) as i
        on conflict (idempotency_key) do nothing returning id`,
    },
    [
      uuidTextArray(rows.map((r) => r.asked.id)),
      textArray(rows.map((r) => r.asked.idempotencyKey)),
      byteaArray(rows.map((r) => r.content)),
      textArray(rows.map((r) => r.asked.wish.kind)),
      textArray(rows.map((r) => r.source.path)),
      textArray(rows.map((r) => r.destination.path)),
      textArray(rows.map((r) => r.currency)),
      int8Array(rows.map((r) => r.amount)),
      uuidTextArray(rows.map((r) => r.refunds)),
      uuidTextArray(rows.map((r) => r.transactionId)),
      textArray(rows.map((r) => r.asked.actor)),
      timestamptzArray(rows.map((r) => r.asked.at)),
    ],
  );
  return new Set(result.rows.map((row) => row.id));
}

/** Who stands under these keys. A statement of its own: the claim does not see what was committed while it waited. */
export async function findClaimed(
  sql: Sql,
  keys: readonly string[],
): Promise<Map<string, { id: string; content: Buffer }>> {
  const result = await sql.query<{ id: string; idempotency_key: string; content: Buffer }>(
    {
      name: 'requests-claimed',
      text: 'select id, idempotency_key, content from postern.requests where idempotency_key = any ($1::text[])',
    },
    [textArray(keys)],
  );
  return new Map(result.rows.map((row) => [row.idempotency_key, row]));
}

/** Waits for other refunds of these transactions, and tells what is left of each: nothing, where a person took it back. */
export async function holdOriginals(tx: Tx, transactionIds: readonly string[]): Promise<Map<string, bigint>> {
  const result = await tx.query<{ transaction_id: string; remaining: bigint }>(
    {
      name: 'requests-hold-originals',
      text: `select r.transaction_id, r.amount - r.refunded as remaining from postern.requests r
        where r.transaction_id = any ($1::uuid[]) order by r.id for update`,
    },
    [uuidTextArray(transactionIds)],
  );
  // A statement of its own: the one above does not see a reversal that was committed while it waited.
  const reversed = await tx.query<{ id: string }>(
    {
      name: 'requests-reversed-originals',
      text: 'select t.reverses as id from postern.transactions t where t.reverses = any ($1::uuid[])',
    },
    [uuidTextArray(transactionIds)],
  );
  const none = new Set(reversed.rows.map(({ id }) => id));
  return new Map(result.rows.map((row) => [row.transaction_id, none.has(row.transaction_id) ? 0n : row.remaining]));
}

export type Ended = {
  readonly id: string;
  readonly amount: bigint | null;
  /** Null: it posted. */
  readonly failure: { readonly code: string; readonly message: string } | null;
};

/** What became of those that were claimed, and the audit log's lines for those that changed something. */
export async function endRequests(tx: Tx, ended: readonly Ended[]): Promise<void> {
  await tx.query(
    {
      name: 'requests-end',
      text: `with ended as (
          update postern.requests r set status = case when e.code is null then 'completed' else 'failed' end, amount = e.amount,
            error_code = e.code, error_message = e.message, transaction_id = case when e.code is null then r.transaction_id end
          from unnest($1::uuid[], $2::int8[], $3::text[], $4::text[]) as e (id, amount, code, message)
          where r.id = e.id and r.status = 'processing'
          returning r.id, r.actor, r.kind, r.transaction_id
        )
        insert into postern.audit_log (actor, action, subject, details)
        select e.actor, 'transaction.' || e.kind, 'transaction:' || e.transaction_id, jsonb_build_object('request', e.id)
        from ended e where e.transaction_id is not null order by e.id`,
    },
    [
      uuidTextArray(ended.map((e) => e.id)),
      int8Array(ended.map((e) => e.amount)),
      textArray(ended.map((e) => e.failure?.code ?? null)),
      textArray(ended.map((e) => e.failure?.message ?? null)),
    ],
  );
}

/** Adds to what was given back of these transactions; a check of the table's refuses more than all. */
export async function addRefunded(tx: Tx, refunded: ReadonlyMap<string, bigint>): Promise<void> {
  await tx.query(
    {
      name: 'requests-add-refunded',
      text: `update postern.requests r set refunded = r.refunded + a.amount
        from unnest($1::uuid[], $2::int8[]) as a (transaction_id, amount) where r.transaction_id = a.transaction_id`,
    },
    [uuidTextArray([...refunded.keys()]), int8Array([...refunded.values()])],
  );
}

export type RequestRow = {
  readonly id: string;
  readonly idempotency_key: string;
  readonly kind: 'transfer' | 'refund';
  readonly status: 'processing' | 'completed' | 'failed';
  readonly refunds: string | null;
  readonly transaction_id: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
};

export async function selectRequest(sql: Sql, idempotencyKey: string): Promise<RequestRow | undefined> {
  const result = await sql.query<RequestRow>(
    `select id, idempotency_key, kind, status, refunds, transaction_id, error_code, error_message
     from postern.requests where idempotency_key = $1`,
    [idempotencyKey],
  );
  return result.rows[0];
}
