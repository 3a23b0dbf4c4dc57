import { UNSEALED } from '../../ledger/log-store.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';
import { type ProofSpan, rangesOf } from './proof-store.ts';

/** What moved on an account on a day, by what was told. */
export type Movement = {
  readonly accountId: number;
  readonly currency: string;
  readonly component: string | null;
  /** Of the transaction; `reversal of …` where it takes another back. */
  readonly kind: string;
  readonly isDebit: boolean;
  readonly count: number;
  readonly amount: bigint;
};

export type DayMovement = Movement & { readonly day: string };

type Row = {
  account_id: number;
  day: string;
  currency: string;
  component: string | null;
  kind: string;
  is_debit: boolean;
  count: bigint;
  amount: string;
};

const movementOf = (row: Row): DayMovement => ({
  accountId: row.account_id,
  day: row.day,
  currency: row.currency,
  component: row.component,
  kind: row.kind,
  isDebit: row.is_debit,
  count: Number(row.count),
  amount: BigInt(row.amount),
});

/** The days on which one of the accounts moves otherwise than `known` says: by what the sums of days say of them. */
function staleDays(sums: readonly DaySum[], known: readonly DayMovement[]): Set<string> {
  const told = new Map<string, bigint>();
  const key = (day: string, account: number, currency: string, isDebit: boolean) =>
    `${day} ${account} ${currency} ${isDebit}`;
  for (const { day, accountId, currency, isDebit, amount } of known) {
    const at = key(day, accountId, currency, isDebit);
    told.set(at, (told.get(at) ?? 0n) + (isDebit ? amount : -amount));
  }
  const stale = new Set<string>();
  for (const { day, accountId, currency, debits, credits } of sums)
    for (const [isDebit, sum] of [[true, debits] as const, [false, credits] as const]) {
      const at = key(day, accountId, currency, isDebit);
      if ((told.get(at) ?? 0n) !== sum) stale.add(day);
      told.delete(at);
    }
  for (const [at, sum] of told) if (sum !== 0n) stale.add(at.slice(0, at.indexOf(' ')));
  return stale;
}

type DaySum = {
  readonly day: string;
  readonly accountId: number;
  readonly currency: string;
  readonly debits: bigint;
  readonly credits: bigint;
};

async function daySums(tx: Tx, accountIds: readonly number[], { from, to }: ProofSpan): Promise<DaySum[]> {
  const { rows } = await tx.query<{
    day: string;
    account_id: number;
    currency: string;
    debits: string;
    credits: string;
  }>(
    `select d.accounting_date::text as day, d.account_id, d.currency, sum(d.debits)::text as debits, sum(d.credits)::text as credits
     from postern.balance_days d where d.account_id = any ($1::int4[]) and d.accounting_date between $2 and $3 group by 1, 2, 3`,
    [accountIds, from, to],
  );
  return rows.map(({ day, account_id: accountId, currency, debits, credits }) => ({
    day,
    accountId,
    currency,
    debits: BigInt(debits),
    credits: BigInt(credits),
  }));
}

/**
 * What moved in the period, and what of it was read from postings for the first time: a day that was read before is read again
 * only where the sums of days say that something moved on it since.
 */
export async function movements(
  tx: Tx,
  accountIds: readonly number[],
  span: ProofSpan,
): Promise<{ readonly movements: readonly DayMovement[]; readonly learned: readonly DayMovement[] }> {
  // Of days that hold what was not known then, what is remembered says too much.
  if (span.knownAt !== null) return { movements: await scanned(tx, accountIds, span, null), learned: [] };
  const { from, to } = span;
  const sums = await daySums(tx, accountIds, span);
  const { rows } = await tx.query<Row>(
    `select p.account_id, p.accounting_date::text as day, p.currency, nullif(p.component, '') as component, p.kind, p.is_debit, p.count,
       p.amount::text as amount
     from postern.proof_days p where p.account_id = any ($1::int4[]) and p.accounting_date between $2 and $3`,
    [accountIds, from, to],
  );
  const known = rows.map(movementOf);
  const stale = staleDays(sums, known);
  const fresh = known.filter(({ day }) => !stale.has(day));
  const late = await unsealed(tx, accountIds, span, [...stale]);
  const read = stale.size === 0 ? [] : await scanned(tx, accountIds, span, [...stale].sort());
  const wrong = staleDays(
    sums.filter(({ day }) => stale.has(day)),
    read,
  );
  return { movements: [...fresh, ...late, ...read], learned: read.filter(({ day }) => !wrong.has(day)) };
}

const BY_KIND = `p.account_id, t.accounting_date, p.currency, p.component, p.amount > 0 as is_debit, t.kind, t.reverses, count(*) as count,
  sum(p.amount) as amount`;

/** What a reversal took back is looked up for the few sums of reversals, and not for every line. */
const named = (
  sums: string,
): string => `select m.account_id, m.accounting_date::text as day, m.currency, m.component, m.is_debit,
    sum(m.count)::int8 as count, sum(m.amount)::text as amount,
    case when m.reverses is null then m.kind
      else 'reversal of ' || (select o.kind from postern.transactions o where o.id = m.reverses) end as kind
  from (${sums}) as m
  group by m.account_id, m.accounting_date, m.currency, m.component, m.is_debit, 8`;

/** From the postings themselves: of `days` alone where they are given. It reads the ids that the sums of days and the log's end name. */
async function scanned(
  tx: Tx,
  accountIds: readonly number[],
  { from, to, knownAt }: ProofSpan,
  days: readonly string[] | null,
): Promise<DayMovement[]> {
  const [first = from, last = to] = days === null ? [] : [days[0], days.at(-1)];
  const ranges = await rangesOf(tx, accountIds, { column: 'accounting_date', from: first, to: last, days });
  const found: DayMovement[] = [];
  for (const range of ranges) {
    const { rows } = await tx.query<Row>(
      named(
        `select ${BY_KIND}
         from postern.postings p join postern.transactions t on t.id = p.transaction_id
         where p.account_id = any ($1::int4[]) and p.transaction_id between $2 and $3 and t.id between $2 and $3
           and t.accounting_date between $4 and $5 and ($6::timestamptz is null or t.recorded_at <= $6)
           and ($7::date[] is null or t.accounting_date = any ($7))
         group by 1, 2, 3, 4, 5, 6, 7`,
      ),
      [accountIds, range.first, range.last, first, last, knownAt, days],
    );
    found.push(...rows.map(movementOf));
  }
  return found;
}

/** Of days that need no reading: what the log has not sealed yet. */
async function unsealed(
  tx: Tx,
  accountIds: readonly number[],
  { from, to }: ProofSpan,
  stale: readonly string[],
): Promise<DayMovement[]> {
  const { rows } = await tx.query<Row>(
    named(
      `select ${BY_KIND}
       from ${UNSEALED} join postern.postings p on p.transaction_id = t.id and p.account_id = any ($1::int4[])
       where t.accounting_date between $2 and $3 and t.accounting_date <> all ($4::date[])
       group by 1, 2, 3, 4, 5, 6, 7`,
    ),
    [accountIds, from, to, stale],
  );
  return rows.map(movementOf);
}

const LEARNED_MAX = 10_000;

/** Remembers days for the next report. Whatever is written here is used only where it comes to what the day's sums say. */
export async function rememberDays(sql: Sql, learned: readonly DayMovement[]): Promise<void> {
  if (learned.length === 0) return;
  // What is wrong there would make its day stale for ever.
  await sql.query(
    `delete from postern.proof_days p using (select distinct account_id, day from unnest($1::int4[], $2::date[]) as d (account_id, day)) as d
     where p.account_id = d.account_id and p.accounting_date = d.day`,
    [learned.map((one) => one.accountId), learned.map((one) => one.day)],
  );
  for (let n = 0; n < learned.length; n += LEARNED_MAX) {
    const some = learned.slice(n, n + LEARNED_MAX);
    await sql.query(
      `insert into postern.proof_days as p (account_id, accounting_date, currency, component, kind, is_debit, count, amount)
       select account_id, day, currency, component, kind, is_debit, sum(count), sum(amount)
       from unnest($1::int4[], $2::date[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::int8[], $8::numeric[])
         as d (account_id, day, currency, component, kind, is_debit, count, amount)
       group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
       on conflict (account_id, accounting_date, currency, component, kind, is_debit)
       do update set count = excluded.count, amount = excluded.amount`,
      [
        some.map((one) => one.accountId),
        some.map((one) => one.day),
        some.map((one) => one.currency),
        some.map((one) => one.component ?? ''),
        some.map((one) => one.kind),
        some.map((one) => one.isDebit),
        some.map((one) => one.count),
        some.map((one) => String(one.amount)),
      ],
    );
  }
}
