import pg from 'pg';
import { sealStep } from '../src/ledger/log-store.ts';
import { withTransaction } from '../src/postgres/sql.ts';
import type { Stand } from './stand.ts';

export type FillPlan = {
  readonly postings: number;
  /** Ending today. */
  readonly days: number;
  /** Processor accounts that share the payments evenly; each has one of `postings` divided by twice as many in its open items. */
  readonly merchants: number;
};

const POSTINGS_A_PAYMENT = 4;
const PAYMENTS_A_CHUNK = 100_000;
const SEALED_A_STEP = 10_000;
const SEAL_STEPS_MAX = 100_000;

/**
 * Books with a past: captured payments with their fees and events, evenly over some days, written through the real tables with
 * their checks on, a chunk a database transaction, and then sealed. Ids and times are as the gateway makes them; ids of payments
 * are in no order, as a processor's are.
 */
export async function fillBooks(
  { databaseUrl, role }: Pick<Stand, 'databaseUrl' | 'role'>,
  { postings, days, merchants }: FillPlan,
  tell: (line: string) => void,
): Promise<{ fillS: number; sealS: number; transactions: number }> {
  const payments = Math.ceil(postings / POSTINGS_A_PAYMENT);
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 1,
    options: role === null ? undefined : '-c role=postern_owner',
  });
  pool.on('error', (error) => tell(error.message));
  try {
    const started = performance.now();
    await openAccounts(pool, merchants);
    for (let from = 0; from < payments; from += PAYMENTS_A_CHUNK) {
      const count = Math.min(PAYMENTS_A_CHUNK, payments - from);
      await withTransaction(pool, async (tx) => {
        await tx.query('set local enable_seqscan = on');
        for (const statement of CHUNK) await tx.query(statement);
        await tx.query(PAYMENTS, [from, count, payments, days, merchants]);
        for (const statement of FROM_PAYMENTS) await tx.query(statement);
      });
      const filled = from + count;
      const took = (performance.now() - started) / 1000;
      tell(`filled ${(filled * POSTINGS_A_PAYMENT).toLocaleString('en')} postings in ${took.toFixed(0)} s`);
    }
    const fillS = (performance.now() - started) / 1000;
    const sealing = performance.now();
    let transactions = 0;
    for (let step = 0; step < SEAL_STEPS_MAX; step += 1) {
      const sealed = await withTransaction(pool, (tx) => sealStep(tx, SEALED_A_STEP));
      if (sealed === null) continue;
      transactions = sealed.size;
      if (step % 25 === 0)
        tell(
          `sealed ${transactions.toLocaleString('en')} transactions in ${((performance.now() - sealing) / 1000).toFixed(0)} s`,
        );
      if (sealed.lookedAt < SEALED_A_STEP) break;
    }
    const sealS = (performance.now() - sealing) / 1000;
    // What autovacuum would do in its time, and then beside what is measured.
    for (const table of TABLES) await pool.query(`vacuum (analyze) postern.${table}`);
    await pool.query('checkpoint').catch(() => undefined);
    return { fillS, sealS, transactions };
  } finally {
    await pool.end();
  }
}

const TABLES = ['events', 'transactions', 'postings', 'open_items', 'balances', 'seal', 'seal_nodes', 'balance_days'];

async function openAccounts(pool: pg.Pool, merchants: number): Promise<void> {
  const of = (kind: string): string[] => Array.from({ length: merchants }, (_, n) => `${kind}:stripe:fill-${n}`);
  const accounts = [
    ...of('asset:processor_pending').map((path) => [path, 'asset', true] as const),
    ...of('expense:processing_fees').map((path) => [path, 'expense', false] as const),
    ['income:revenue', 'income', false] as const,
  ];
  await pool.query('select from postern.ledger_open_accounts($1, $2, $3)', [
    accounts.map(([path]) => path),
    accounts.map(([, type]) => type),
    accounts.map(([, , openItem]) => openItem),
  ]);
}

/** `n` counts from 0; a row of `filling` is a payment. */
const CHUNK = [
  `create temporary table if not exists filling (
     n integer, captured_id uuid, fee_id uuid, event_id uuid, payment text, merchant text, pending integer, fees integer, revenue integer,
     amount bigint, at timestamptz
   )`,
  'truncate filling',
];

const uuid = (ms: string, part: string): string =>
  `(lpad(to_hex(${ms}), 12, '0') || '7' || ${part} || '8' || substr(h, 1, 15))::uuid`;

const PAYMENTS = `
  insert into filling
  select n, ${uuid('ms + 1', "'001'")}, ${uuid('ms + 1', "'002'")}, ${uuid('ms', "'000'")}, 'ch_' || substr(h, 1, 24), merchant,
    (select id from postern.accounts where path = 'asset:processor_pending:stripe:' || merchant),
    (select id from postern.accounts where path = 'expense:processing_fees:stripe:' || merchant),
    (select id from postern.accounts where path = 'income:revenue'), 1000 + n % 5000, to_timestamp(ms / 1000.0)
  from (
    select n, md5('payment ' || n) as h, 'fill-' || n % $5::int as merchant,
      (extract(epoch from date_trunc('day', now(), 'utc')) * 1000)::bigint - $4::bigint * 86400000 + n::bigint * ($4::bigint * 86400000) / $3::bigint as ms
    from generate_series($1::int, $1::int + $2::int - 1) as n
  ) as numbers`;

const LINES = `
  select captured_id as transaction_id, 0::smallint as line, pending as account_id, amount, payment as reference, 'gross' as component from filling
  union all select captured_id, 1::smallint, revenue, -amount, null, null from filling
  union all select fee_id, 0::smallint, fees, 29, null, null from filling
  union all select fee_id, 1::smallint, pending, -29, payment, 'fee' from filling`;

const FROM_PAYMENTS = [
  `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, api_version, live, account,
     occurred_at, status, posted_at)
   select event_id, event_id, at, 1, 0, 'evt_' || substr(payment, 4), sha256(payment::bytea), 'charge.succeeded', '2025-03-31', false, merchant,
     at, 'posted', at
   from filling order by n`,
  `insert into postern.transactions (id, effect_key, content, kind, effective_at, recorded_at, accounting_date, rule_version, source_event)
   select t.id, 'stripe:' || merchant || ':' || payment || t.effect, decode(md5(t.id::text), 'hex'), t.kind, at, at, (at at time zone 'utc')::date,
     1, event_id
   from filling cross join lateral (values
     (captured_id, ':captured', 'payment.captured'), (fee_id, ':fee', 'payment.fee_known')
   ) as t (id, effect, kind) order by t.id`,
  `insert into postern.postings (transaction_id, line, account_id, currency, amount, reference, component)
   select transaction_id, line, account_id, 'EUR', amount, reference, component from (${LINES}) as l order by 1, 2`,
  `insert into postern.open_items (account_id, reference, component, currency, amount)
   select account_id, reference, component, 'EUR', amount from (${LINES}) as l where reference is not null order by 1, 2, 3`,
  `insert into postern.balances as b (account_id, currency, debits, credits)
   select account_id, 'EUR', coalesce(sum(amount) filter (where amount > 0), 0), coalesce(-sum(amount) filter (where amount < 0), 0)
   from (${LINES}) as l group by 1 order by 1
   on conflict (account_id, currency) do update set debits = b.debits + excluded.debits, credits = b.credits + excluded.credits`,
];
