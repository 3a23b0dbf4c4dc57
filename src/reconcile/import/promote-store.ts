import type { Tx } from '../../postgres/sql.ts';
import { UNBATCHED } from '../../settlement-line.ts';
import { CONTENT } from './proof-store.ts';
import type { ProvenBatch } from './prove.ts';
import { APART, KEPT_ROW_COLUMNS, LINE_ROW_COLUMNS, type LineRow } from './staged-row.ts';
import type { Staging } from './staging-store.ts';

export type Books = { readonly provider: string; readonly account: string };

const columnsOf = (table: string, columns: string): string =>
  columns
    .split(', ')
    .map((column) => `${table}.${column}`)
    .join(', ');

/** How the lines of a file stand to those that are kept. */
export type Comparison = { readonly again: number; readonly moved: number; readonly changed: number };

/**
 * Marks the staged lines that are known: told the same (`again`), with the batch it lacked (`moved`), or otherwise (`changed`).
 * `batchIsFact`: the batch is the processor's and not only the report's period, so that another one is another content.
 */
export async function compareLines(
  tx: Tx,
  { table }: Staging,
  { provider, account }: Books,
  batchIsFact: boolean,
): Promise<Comparison> {
  const { rows } = await tx.query<{ action: string; n: string }>(
    `with known as (
       select s.id, l.id as old_id, l.version, case
         when (${columnsOf('l', CONTENT)}) is distinct from (${columnsOf('s', CONTENT)}) then 'changed'
         when l.batch = s.batch or s.batch = '${UNBATCHED}' then 'again'
         when l.batch = '${UNBATCHED}' then 'moved'
         when $3 then 'changed'
         else 'again' end as action
       from ${table} s
       join postern.settlement_lines l on l.provider = $1 and l.account = $2 and l.identity = s.identity and l.moves_money
         and l.removed_by is null
       where s.action is null
     ), compared as (
       update ${table} s set old_id = k.old_id, action = k.action,
         version = case when k.action = 'changed' then k.version + 1 else k.version end
       from known k where k.id = s.id returning s.action
     ) select action, count(*)::text as n from compared group by 1`,
    [provider, account, batchIsFact],
  );
  const count = (action: string): number => Number(rows.find((row) => row.action === action)?.n ?? 0);
  return { again: count('again'), moved: count('moved'), changed: count('changed') };
}

/** A line that an earlier version of its report had and a later one had not comes back as a further version of itself. */
export async function numberReturned(tx: Tx, { table }: Staging, { provider, account }: Books): Promise<void> {
  await tx.query(
    `update ${table} s set version = r.version + 1
     from (
       select l.identity, max(l.version) as version from postern.settlement_lines l
       where l.provider = $1 and l.account = $2 and l.moves_money and l.removed_by is not null group by 1
     ) as r
     where r.identity = s.identity and s.action is null`,
    [provider, account],
  );
}

/** Whether any line of the account was ever taken out. */
export async function hasRemoved(tx: Tx, { provider, account }: Books): Promise<boolean> {
  const { rows } = await tx.query<{ has: boolean }>(
    `select exists (select from postern.settlements where provider = $1 and account = $2 and status = 'amended') as has`,
    [provider, account],
  );
  return rows[0]?.has === true;
}

export type EarlierBatch = {
  /** Of the settlement. */
  readonly id: string;
  readonly batch: string;
  readonly currency: string;
  readonly lines: bigint;
  readonly is_stated: boolean;
};

/** Earlier files of the account that had one of these batches. */
export async function earlierOf(
  tx: Tx,
  { provider, account }: Books,
  batches: readonly { batch: string; currency: string }[],
): Promise<EarlierBatch[]> {
  if (batches.length === 0) return [];
  const { rows } = await tx.query<EarlierBatch>(
    `select s.id, b.batch, b.currency, b.lines, b.is_stated from unnest($3::text[], $4::text[]) as w (batch, currency)
     join postern.settlement_batches b on b.batch = w.batch and b.currency = w.currency
     join postern.settlements s on s.id = b.settlement_id
     where s.provider = $1 and s.account = $2 and s.moves_money and s.status in ('imported', 'amended')`,
    [provider, account, batches.map((b) => b.batch), batches.map((b) => b.currency)],
  );
  return rows;
}

/** Lines of these batches that the file, which has them whole, does not have any more. */
export async function missingFromFile(
  tx: Tx,
  { table }: Staging,
  earlier: readonly { id: string; batch: string; currency: string }[],
): Promise<string[]> {
  if (earlier.length === 0) return [];
  const { rows } = await tx.query<{ id: string }>(
    `select distinct l.id from unnest($1::uuid[], $2::text[], $3::text[]) as w (settlement, batch, currency)
     join postern.settlement_lines l on l.settlement_id = w.settlement and l.batch = w.batch and l.currency = w.currency
     where l.removed_by is null and not starts_with(l.identity, '${APART}')
       and not exists (select from ${table} s where s.identity = l.identity)`,
    [earlier.map((e) => e.id), earlier.map((e) => e.batch), earlier.map((e) => e.currency)],
  );
  return rows.map(({ id }) => id);
}

/** Those whose lines are told otherwise. */
export async function changedLines(tx: Tx, { table }: Staging): Promise<string[]> {
  const { rows } = await tx.query<{ old_id: string }>(
    `select old_id from ${table} where action = 'changed' order by old_id`,
  );
  return rows.map(({ old_id }) => old_id);
}

/** Marks lines as taken out; returns the files that had brought them. */
export async function removeLines(tx: Tx, ids: readonly string[], by: string): Promise<string[]> {
  const { rows } = await tx.query<{ settlement_id: string }>(
    `with removed as (
       update postern.settlement_lines set removed_by = $2 where id = any ($1::uuid[]) returning settlement_id
     ) select distinct settlement_id from removed`,
    [ids, by],
  );
  return rows.map(({ settlement_id }) => settlement_id);
}

/** What these lines posted and nobody took back; not the payouts they implied, which other lines may tell as well. */
export async function postedBy(tx: Tx, lineIds: readonly string[]): Promise<StandingTransaction[]> {
  const { rows } = await tx.query<StandingTransaction>(
    `select t.id, t.effect_key, t.effective_at, t.accounting_date::text, t.source_line from postern.transactions t
     where t.source_line = any ($1::uuid[]) and t.reverses is null and t.kind not in ('payout.created', 'payout.failed')
       and not exists (select from postern.transactions r where r.reverses = t.id)
     order by t.id`,
    [lineIds],
  );
  return rows;
}

/** The payouts that these lines and the new ones of the staging tell of. */
export async function payoutsOf(tx: Tx, { table }: Staging, lineIds: readonly string[]): Promise<string[]> {
  const { rows } = await tx.query<{ reference: string }>(
    `select reference from postern.settlement_lines where id = any ($1::uuid[]) and kind in ${PAYOUT_KINDS}
     union select reference from ${table} where (action is null or action = 'changed') and kind in ${PAYOUT_KINDS}`,
    [lineIds],
  );
  return rows.map(({ reference }) => reference);
}

const PAYOUT_KINDS = `('payout', 'topup', 'payout_reversal')`;

/** What only lines told of these payouts, no event and no person: `key` begins each of their effect keys. */
export async function impliedOf(
  tx: Tx,
  payouts: readonly { payout: string; key: string }[],
): Promise<(StandingTransaction & { readonly payout: string; readonly kind: string; readonly content: Buffer })[]> {
  const { rows } = await tx.query<StandingTransaction & { payout: string; kind: string; content: Buffer }>(
    `select w.payout, t.id, t.effect_key, t.effective_at, t.accounting_date::text, t.source_line, t.kind, t.content
     from unnest($1::text[], $2::text[]) as w (payout, key)
     join postern.transactions t on t.effect_key >= w.key collate "C" and t.effect_key < w.key || '~' collate "C"
     where t.kind in ('payout.created', 'payout.failed') and t.source_line is not null and t.reverses is null
       and not exists (select from postern.transactions r where r.reverses = t.id)
       and not exists (select from postern.transaction_evidence e where e.transaction_id = t.id)
     order by t.id`,
    [payouts.map(({ payout }) => payout), payouts.map(({ key }) => key)],
  );
  return rows;
}

/** The lines that stand and tell of these payouts, and which file brought each. */
export async function linesOfPayouts(
  tx: Tx,
  { provider, account }: Books,
  payouts: readonly string[],
): Promise<(LineRow & { readonly settlement_id: string })[]> {
  const { rows } = await tx.query<LineRow & { settlement_id: string }>(
    `select settlement_id, ${KEPT_ROW_COLUMNS}
     from postern.settlement_lines
     where reference = any ($3::text[]) and provider = $1 and account = $2 and moves_money and removed_by is null
       and kind in ${PAYOUT_KINDS} order by id`,
    [provider, account, payouts],
  );
  return rows;
}

export type StandingTransaction = {
  readonly id: string;
  readonly effect_key: string;
  readonly effective_at: Date;
  readonly accounting_date: string;
  readonly source_line: string | null;
};

/** What was posted under a key and its later versions (`key/2` …), in their order. */
export async function standingUnder(
  tx: Tx,
  key: string,
): Promise<(StandingTransaction & { readonly content: Buffer; readonly reversed: boolean })[]> {
  const { rows } = await tx.query<StandingTransaction & { content: Buffer; reversed: boolean }>(
    `select t.id, t.effect_key, t.effective_at, t.accounting_date::text, t.source_line, t.content,
       exists (select from postern.transactions r where r.reverses = t.id) as reversed
     from postern.transactions t
     where (t.effect_key = $1 or t.effect_key >= $1 || '/' collate "C" and t.effect_key < $1 || '0' collate "C") and t.reverses is null
     order by t.recorded_at, t.id limit 1000`,
    [key],
  );
  return rows;
}

/** The batches of these lines whose closing no report states. */
export async function computedBatchesOf(
  tx: Tx,
  lineIds: readonly string[],
): Promise<{ batch: string; currency: string }[]> {
  const { rows } = await tx.query<{ batch: string; currency: string }>(
    `select distinct l.batch, l.currency from postern.settlement_lines l
     join postern.settlement_batches b on b.settlement_id = l.settlement_id and b.batch = l.batch and b.currency = l.currency
     where l.id = any ($1::uuid[]) and not b.is_stated`,
    [lineIds],
  );
  return rows;
}

/** What all kept lines of these batches come to, in whichever file they came; nothing where all were taken out. */
export async function sumsOf(
  tx: Tx,
  { provider, account }: Books,
  batches: readonly { batch: string; currency: string }[],
): Promise<{ batch: string; currency: string; net: bigint; last: bigint; zone: string }[]> {
  const { rows } = await tx.query<{ batch: string; currency: string; net: bigint; last: bigint; zone: string }>(
    `select f.batch, f.currency, coalesce(sum(l.net), 0)::int8 as net,
       (extract(epoch from coalesce(max(l.booked_at), max(f.last_at))) * 1000)::int8 as last, coalesce(max(l.zone), 'UTC') as zone
     from (
       select distinct s.id, b.batch, b.currency, b.last_at from unnest($3::text[], $4::text[]) as w (batch, currency)
       join postern.settlement_batches b on b.batch = w.batch and b.currency = w.currency
       join postern.settlements s on s.id = b.settlement_id and s.provider = $1 and s.account = $2 and s.moves_money
     ) as f
     left join postern.settlement_lines l on l.settlement_id = f.id and l.batch = f.batch and l.currency = f.currency and l.removed_by is null
     group by 1, 2 order by 1, 2`,
    [provider, account, batches.map((b) => b.batch), batches.map((b) => b.currency)],
  );
  return rows;
}

/** Keeps the new lines; returns how many. */
export async function keepLines(
  tx: Tx,
  { table, settlement }: Staging,
  { provider, account, movesMoney }: Books & { movesMoney: boolean },
): Promise<number> {
  const at = (column: string): string => `to_timestamp(${column} / 1000.0)`;
  const { rowCount } = await tx.query(
    `insert into postern.settlement_lines (id, settlement_id, row_no, provider, account, moves_money, identity, version, kind, word,
       batch, reference, component, currency, gross, fee, tax, net, other_amount, other_currency, carry_from, carry_to, booked_at,
       zone, occurred_at, available_at, key_source, key_payment, key_merchant, key_bank, fx_rate, residue, payment_method, raw)
     select id, $1, row_no, $2, $3, $4, identity, version, kind, word, batch, reference, component, currency, gross, fee, tax, net,
       other_amount, other_currency, carry_from, carry_to, ${at('booked_at')}, zone, ${at('occurred_at')}, ${at('available_at')},
       key_source, key_payment, key_merchant, key_bank, fx_rate, residue, payment_method, raw
     from ${table} where action is null or action = 'changed' order by id`,
    [settlement, provider, account, movesMoney],
  );
  return rowCount;
}

/** Those whose batch is known now: the line, what it was under and what it is under. */
export async function movedLines(tx: Tx, { table }: Staging): Promise<MovedLine[]> {
  const { rows } = await tx.query<MovedLine>(
    `update postern.settlement_lines l set batch = s.batch from ${table} s where s.action = 'moved' and l.id = s.old_id
     returning l.id, l.identity, l.version, '${UNBATCHED}' as "from", l.batch, l.net, l.currency, (extract(epoch from l.booked_at) * 1000)::int8 as booked_at, l.zone`,
  );
  return rows;
}

export type MovedLine = Pick<
  LineRow,
  'id' | 'identity' | 'version' | 'batch' | 'net' | 'currency' | 'booked_at' | 'zone'
> & { readonly from: string };

export async function insertBatches(tx: Tx, settlement: string, batches: readonly ProvenBatch[]): Promise<void> {
  const of = (name: 'gross' | 'fee' | 'tax' | 'net' | 'payout' | 'opening' | 'closing'): string[] =>
    batches.map((b) => String(b[name]));
  const times = (name: 'first' | 'last'): (number | null)[] => batches.map((b) => (b[name] === 0 ? null : b[name]));
  await tx.query(
    `insert into postern.settlement_batches (settlement_id, batch, currency, lines, gross, fee, tax, net, payout, opening, closing,
       is_stated, series, sequence, first_at, last_at)
     select $1, batch, currency, lines, gross, fee, tax, net, payout, opening, closing, is_stated, series, sequence,
       to_timestamp(first_at / 1000.0), to_timestamp(last_at / 1000.0)
     from unnest($2::text[], $3::text[], $4::int8[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[],
       $10::numeric[], $11::numeric[], $12::boolean[], $13::text[], $14::text[], $15::int8[], $16::int8[])
       as b (batch, currency, lines, gross, fee, tax, net, payout, opening, closing, is_stated, series, sequence, first_at, last_at)`,
    [
      settlement,
      batches.map((b) => b.batch),
      batches.map((b) => b.currency),
      batches.map((b) => b.lines),
      of('gross'),
      of('fee'),
      of('tax'),
      of('net'),
      of('payout'),
      of('opening'),
      of('closing'),
      batches.map((b) => b.stated),
      batches.map((b) => b.series),
      batches.map((b) => b.sequence),
      times('first'),
      times('last'),
    ],
  );
}

export async function markAmended(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.query(
    `update postern.settlements set status = 'amended' where id = any ($1::uuid[]) and status = 'imported'`,
    [ids],
  );
}

/** What there is to post, in the file's order, `count` lines a call; empty at the end. Of the kinds that look at what stands, or the others. */
export async function openNewLines(
  tx: Tx,
  { table }: Staging,
  name: 'lines' | 'looking_lines',
  lookingKinds: readonly ('payout' | 'topup' | 'payout_reversal')[],
): Promise<(count: number) => Promise<LineRow[]>> {
  const looking = lookingKinds.map((kind) => `'${kind}'`).join(', ');
  await tx.query(
    `declare ${name} no scroll cursor for select ${LINE_ROW_COLUMNS} from ${table}
     where (action is null or action = 'changed') and (kind in (${looking})) = ${name === 'looking_lines'}`,
  );
  return async (count) => (await tx.query<LineRow>(`fetch ${count} from ${name}`)).rows;
}
