import { int4Array, int8Array, textArray, timestamptzArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import { ADVISORY_LOCK_CLASS } from '../../postgres/locks.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import { UNPROVEN } from '../../settlement-line.ts';
import type { ItemKey } from './items.ts';

/** One instance at a time reconciles; the lock ends with the transaction. False: another has it. */
export async function holdEngine(tx: Tx): Promise<boolean> {
  const { rows } = await tx.query<{ held: boolean }>(
    `select pg_try_advisory_xact_lock(${ADVISORY_LOCK_CLASS.engine}, 0) as held`,
  );
  // After a pause, or a report of a million lines, a turn is longer than a worker's batch may be.
  await tx.query(`set local statement_timeout = '${TURN_TIMEOUT_S}s'`);
  // Looking up thousands of items must not be taken for dearer than reading the whole residue through an index.
  await tx.query('set local random_page_cost = 1');
  // An item is known by four columns together, which the planner takes for independent: it would merge by account and currency
  // alone, and compare each of ten thousand items with every other of its account.
  await tx.query('set local enable_mergejoin = off');
  return rows[0]?.held === true;
}

const TURN_TIMEOUT_S = 300;

const SAME = (a: string, b: string): string =>
  `${a}.account_id = ${b}.account_id and ${a}.reference = ${b}.reference and ${a}.component = ${b}.component and ${a}.currency = ${b}.currency`;

/**
 * Goes on by at most `most` transactions, in the order of commits, and notes which items they moved in a temporary table, with what
 * is open of each now and what the residue had of it (`matched` is null where it had nothing) and `beside` it, under the same reference:
 * looked up once for all that follows.
 * None of a transaction that still runs, nor of those that began after it: they could come to lie before the cursor.
 */
export async function takeTouched(tx: Tx, most: number, now: Date): Promise<number> {
  await tx.query(`create temporary table if not exists touched_items (
    account_id integer not null, reference text collate "C" not null, component text not null, currency text not null,
    amount bigint, matched bigint, due_at timestamptz, beside boolean
  ) on commit delete rows`);
  const { rows } = await tx.query<{ count: number }>(
    `with next as materialized (
       select t.xact, t.id from (select r.xact, r.id from postern.reconciling r limit 1) as r cross join lateral (
         select t.xact, t.id from postern.transactions t
         where (t.xact, t.id) > (r.xact, r.id) and t.xact < pg_snapshot_xmin(pg_current_snapshot())
         order by t.xact, t.id limit $1
       ) as t
     ), items as materialized (
       -- In the order of the indexes in which they are looked up: each page of these is read once.
       select distinct p.account_id, p.reference, coalesce(p.component, '') as component, p.currency
       from next n cross join lateral (
         select p.account_id, p.reference, p.component, p.currency from postern.postings p
         where p.transaction_id = n.id and p.reference is not null offset 0
       ) as p join postern.accounts a on a.id = p.account_id and a.type <> 'memo'
       order by 1, 2, 3, 4
     ), touched as (
       insert into pg_temp.touched_items
       select i.*, o.amount, r.matched, r.due_at, r.beside from items i
       left join lateral (select o.amount from postern.open_items o where ${SAME('o', 'i')} limit 1) as o on true
       left join lateral (
         select max(r.matched) filter (where ${SAME('r', 'i')}) as matched, max(r.due_at) filter (where ${SAME('r', 'i')}) as due_at,
           bool_or(not (${SAME('r', 'i')})) as beside
         from postern.residue r where r.reference = i.reference
       ) as r on true
     ), moved as (
       update postern.reconciling r set xact = l.xact, id = l.id, looked_at = $2
       from (select n.xact, n.id from next n order by n.xact desc, n.id desc limit 1) as l
     )
     select count(*)::int4 as count from next`,
    [most, now],
  );
  const count = rows[0]?.count ?? 0;
  // Without it the planner takes it for empty or for some thousand rows, and loops where it should join.
  if (count > 0) await tx.query('analyze pg_temp.touched_items');
  return count;
}

export type Gone = ItemKey & { readonly class: string | null; readonly discrepancyId: string | null };

/** What netted by its own movements leaves the residue. */
export async function dropNetted(tx: Tx): Promise<Gone[]> {
  const { rows } = await tx.query<KeyRow & { class: string | null; discrepancy_id: string | null }>(
    `delete from postern.residue r using pg_temp.touched_items t
     where ${SAME('r', 't')} and t.amount = 0 and t.matched = 0 and r.matched = 0
     returning r.account_id, r.reference, r.component, r.currency, r.class, r.discrepancy_id`,
  );
  return rows.map((row) => ({ ...keyOf(row), class: row.class, discrepancyId: row.discrepancy_id }));
}

/** What is open now, or is a pass's doing, is judged at once; and what else is open under the same references. */
export async function noteTouched(tx: Tx, now: Date): Promise<void> {
  await tx.query(
    `insert into postern.residue as r (account_id, reference, component, currency, amount, look_at)
     select t.account_id, t.reference, t.component, t.currency, t.amount, $1 from pg_temp.touched_items t where t.amount <> 0
     on conflict (account_id, reference, component, currency) do update set amount = excluded.amount, look_at = excluded.look_at`,
    [now],
  );
  await tx.query(
    `update postern.residue r set amount = 0, look_at = $1
     from pg_temp.touched_items t where ${SAME('r', 't')} and t.amount = 0 and t.matched <> 0`,
    [now],
  );
  await tx.query(
    `update postern.residue r set look_at = $1
     from (select distinct t.reference from pg_temp.touched_items t where t.beside) as t
     where r.reference = t.reference and (r.look_at is null or r.look_at > $1)`,
    [now],
  );
  await tx.query(
    `update postern.residue r set look_at = $1
     from (
       select distinct t.account_id from pg_temp.touched_items t
       where t.reference >= 'carry:' and t.reference < 'carry;' and t.reference not like '%>${UNPROVEN}'
     ) as t
     where r.account_id = t.account_id and r.reference >= 'carry:' and r.reference < 'carry;' and r.reference not like '%>${UNPROVEN}'
       and (r.look_at is null or r.look_at > $1)`,
    [now],
  );
}

/** Those of an account that wait for a line and share a merchant's reference with what moved now. */
export async function stirTwins(tx: Tx, now: Date, kinds: readonly string[]): Promise<void> {
  await tx.query(
    `update postern.residue r set look_at = $1
     from (
       select distinct t.account_id, s.value as reference from pg_temp.touched_items t
       join postern.event_references a on a.value = t.reference
       join postern.event_references k on k.event_id = a.event_id and k.kind = any ($2::text[])
       join postern.event_references m on m.value = k.value and m.kind = k.kind
       join postern.event_references s on s.event_id = m.event_id
       where exists (
         select from postern.residue x where x.account_id = t.account_id and x.class in ('missing_in_settlement', 'duplicate_in_ledger')
       )
     ) as t
     where r.account_id = t.account_id and r.reference = t.reference and r.class in ('missing_in_settlement', 'duplicate_in_ledger')
       and (r.look_at is null or r.look_at > $1)`,
    [now, textArray(kinds)],
  );
}

/**
 * What the bank brought of nobody knows what, or what a payout took by its amount alone, where another payout came to nothing now:
 * told and failed at once, it was never open, and the entry may name it.
 */
export async function stirUnnamedCredits(tx: Tx, now: Date): Promise<void> {
  await tx.query(
    `update postern.residue r set look_at = $1
     from (
       select distinct t.account_id from pg_temp.touched_items t
       join postern.accounts a on a.id = t.account_id and starts_with(a.path, 'asset:bank_in_transit:')
       where t.amount = 0 and t.matched is null
     ) as t
     where r.account_id = t.account_id and (r.look_at is null or r.look_at > $1)
       and (r.class = 'unidentified_bank_credit' or r.matched <> 0 and exists (
         select from postern.matches m
         where m.account_id = r.account_id and m.pass = 'amount_and_window' and m.undone_at is null and m.actor = 'system'
           and r.reference in (m.debit_reference, m.credit_reference)
       ))`,
    [now],
  );
}

/** Every item of these accounts is judged anew. */
export async function stirAccounts(tx: Tx, accountIds: readonly number[], now: Date): Promise<void> {
  await tx.query(
    'update postern.residue set look_at = $2 where account_id = any ($1::int4[]) and (look_at is null or look_at > $2)',
    [int4Array(accountIds), now],
  );
}

/** What waits for a line, beside accounts of `processor_balance` on which a missing file was found or came; and what was shown under one. */
export async function stirUnsettled(tx: Tx, accountIds: readonly number[], now: Date): Promise<void> {
  if (accountIds.length === 0) return;
  await tx.query(
    `update postern.residue r set look_at = $2
     from postern.accounts b join postern.accounts p on p.path = replace(b.path, 'asset:processor_balance:', 'asset:processor_pending:')
     where b.id = any ($1::int4[]) and r.account_id = p.id
       and (r.class in ('missing_in_settlement', 'fee_mismatch') or r.class is null and r.discrepancy_id is not null)
       and (r.look_at is null or r.look_at > $2)`,
    [int4Array(accountIds), now],
  );
}

/** The same, of an account in whose numbers or days a gap was seen. */
export async function stirBesideGap(
  tx: Tx,
  { provider, account }: { readonly provider: string; readonly account: string },
  now: Date,
): Promise<void> {
  await tx.query(
    `update postern.residue r set look_at = $3
     from postern.accounts p
     where p.path = 'asset:processor_pending:' || postern.path_part($1) || ':' || postern.path_part($2) and r.account_id = p.id
       and (r.class in ('missing_in_settlement', 'fee_mismatch') or r.class is null and r.discrepancy_id is not null)
       and (r.look_at is null or r.look_at > $3)`,
    [provider, account, now],
  );
}

export type Residue = ItemKey & {
  readonly amount: bigint;
  readonly matched: bigint;
  readonly bucket: string;
  readonly class: string | null;
  readonly discrepancyId: string | null;
};

type KeyRow = { account_id: number; reference: string; component: string; currency: string };
type ResidueRow = KeyRow & {
  amount: bigint;
  matched: bigint;
  bucket: string;
  class: string | null;
  discrepancy_id: string | null;
};

const keyOf = (row: KeyRow): ItemKey => ({
  accountId: row.account_id,
  reference: row.reference,
  component: row.component,
  currency: row.currency,
});

const residueOf = (row: ResidueRow): Residue => ({
  ...keyOf(row),
  amount: row.amount,
  matched: row.matched,
  bucket: row.bucket,
  class: row.class,
  discrepancyId: row.discrepancy_id,
});

const COLUMNS =
  'r.account_id, r.reference, r.component, r.currency, r.amount, r.matched, r.bucket, r.class, r.discrepancy_id';

/** What is to be judged, the longest waiting first. */
export async function selectDue(tx: Sql, now: Date, limit: number): Promise<Residue[]> {
  const { rows } = await tx.query<ResidueRow>(
    `select ${COLUMNS} from postern.residue r where r.look_at <= $1
     order by r.look_at, r.account_id, r.reference, r.component, r.currency limit $2`,
    [now, limit],
  );
  return rows.map(residueOf);
}

/** The residue of these references, whatever its account. */
export async function selectByReference(sql: Sql, references: readonly string[]): Promise<Residue[]> {
  if (references.length === 0) return [];
  const { rows } = await sql.query<ResidueRow>(
    `select ${COLUMNS} from unnest($1::text[]) as u (reference) join postern.residue r on r.reference = u.reference`,
    [textArray(references)],
  );
  return rows.map(residueOf);
}

/** What is open on an account by its own movements, the newest first. */
export async function selectOfAccount(sql: Sql, accountId: number, limit: number): Promise<Residue[]> {
  const { rows } = await sql.query<ResidueRow>(
    `select ${COLUMNS} from postern.residue r where r.account_id = $1 and r.amount <> r.matched
     order by r.moved_at desc nulls first, r.reference limit $2`,
    [accountId, limit],
  );
  return rows.map(residueOf);
}

/** A column each of many items, for `unnest`. */
export function keyArrays(items: readonly ItemKey[]): Buffer[] {
  return [
    int4Array(items.map((item) => item.accountId)),
    textArray(items.map((item) => item.reference)),
    textArray(items.map((item) => item.component)),
    textArray(items.map((item) => item.currency)),
  ];
}

/** After passes posted something on these items: what they are open by now, and what of it is the passes' doing. */
export async function refreshAmounts(tx: Tx, items: readonly ItemKey[], now: Date): Promise<void> {
  if (items.length === 0) return;
  await tx.query(
    `insert into postern.residue as r (account_id, reference, component, currency, amount, matched, look_at)
     select i.account_id, i.reference, i.component, i.currency, o.amount, m.matched, $5
     from (select distinct * from unnest($1::int4[], $2::text[], $3::text[], $4::text[]) as i (account_id, reference, component, currency)) as i
     join postern.open_items o on ${SAME('o', 'i')}
     cross join lateral (
       select coalesce(sum(case when m.debit_reference = i.reference and m.debit_component = i.component then m.amount else 0 end
         - case when m.credit_reference = i.reference and m.credit_component = i.component then m.amount else 0 end), 0)::int8 as matched
       from postern.matches m
       where m.account_id = i.account_id and m.currency = i.currency and m.undone_at is null and m.actor = 'system'
         and (m.debit_reference = i.reference or m.credit_reference = i.reference)
     ) as m
     on conflict (account_id, reference, component, currency) do update
     set amount = excluded.amount, matched = excluded.matched, look_at = excluded.look_at`,
    [...keyArrays(items), now],
  );
}

export type Judged = ItemKey & {
  /** Unix ms. */
  readonly openedAt: number | null;
  readonly movedAt: number | null;
  readonly dueAt: number | null;
  readonly lookAt: number | null;
  readonly matched: bigint;
  readonly bucket: string;
  readonly class: string | null;
  readonly discrepancyId: string | null;
};

export async function writeJudged(tx: Tx, judged: readonly Judged[]): Promise<void> {
  if (judged.length === 0) return;
  await tx.query(
    `update postern.residue r set opened_at = j.opened_at, moved_at = j.moved_at, due_at = j.due_at, look_at = j.look_at,
       matched = j.matched, bucket = j.bucket, class = j.class, discrepancy_id = j.discrepancy_id
     from unnest($1::int4[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
       $9::int8[], $10::text[], $11::text[], $12::uuid[])
       as j (account_id, reference, component, currency, opened_at, moved_at, due_at, look_at, matched, bucket, class, discrepancy_id)
     where ${SAME('r', 'j')}`,
    [
      ...keyArrays(judged),
      timestamptzArray(judged.map((one) => one.openedAt)),
      timestamptzArray(judged.map((one) => one.movedAt)),
      timestamptzArray(judged.map((one) => one.dueAt)),
      timestamptzArray(judged.map((one) => one.lookAt)),
      int8Array(judged.map((one) => one.matched)),
      textArray(judged.map((one) => one.bucket)),
      textArray(judged.map((one) => one.class)),
      uuidTextArray(judged.map((one) => one.discrepancyId)),
    ],
  );
}

/** What is zero and no pass's doing has no place in the residue. */
export async function removeItems(tx: Tx, items: readonly ItemKey[]): Promise<void> {
  if (items.length === 0) return;
  await tx.query(
    `delete from postern.residue r using unnest($1::int4[], $2::text[], $3::text[], $4::text[]) as i (account_id, reference, component, currency)
     where ${SAME('r', 'i')}`,
    keyArrays(items),
  );
}
