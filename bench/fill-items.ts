import pg from 'pg';
import { withTransaction } from '../src/postgres/sql.ts';
import type { Stand } from './stand.ts';

/** One in so many lines names its order instead of its payment, and one in so many settles what nobody announced. */
export const KEYED = 100;

const ITEMS_A_CHUNK = 200_000;
const ACCOUNT = 'fill';

const uuid = (kind: string): string =>
  `(lpad(to_hex(1767225600000 + n / 1000), 12, '0') || '7${kind}8' || substr(md5('${kind}' || n), 1, 15))::uuid`;

/** Whose items wait for a line. */
export const PENDING_PATH = `asset:processor_pending:stripe:${ACCOUNT}`;
const PENDING = `(select id from postern.accounts where path = '${PENDING_PATH}')`;
const BALANCE = `(select id from postern.accounts where path = 'asset:processor_balance:stripe:${ACCOUNT}')`;
const REVENUE = "(select id from postern.accounts where path = 'income:revenue')";

/** What is told of items \`$1\` up to and without \`$2\`; a row of it is one. */
const ITEMS = `select n, 'ch_' || substr(md5('payment ' || n), 1, 24) as payment, 1000 + n % 5000 as amount,
  timestamptz '2026-03-01' + n % 86400 * interval '1 second' as at from generate_series($1::int8, $2::int8 - 1) as n`;

const ANNOUNCED = [
  `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, source_event)
   select ${uuid('001')}, 'stripe:${ACCOUNT}:' || payment || ':captured', '', 'payment.captured', at, at::date, 2, ${uuid('000')} from (${ITEMS}) as i`,
  `insert into postern.postings (transaction_id, line, account_id, currency, amount, reference, component)
   select ${uuid('001')}, l.line, l.account, 'EUR', l.sign * amount, case when l.line = 0 then payment end, case when l.line = 0 then 'gross' end
   from (${ITEMS}) as i cross join (values (0::int2, ${PENDING}, 1), (1::int2, ${REVENUE}, -1)) as l (line, account, sign)`,
  // Only these have events: those that are matched by what their events name.
  `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
   select ${uuid('000')}, ${uuid('000')}, at, e.id, 0, 'evt_' || n, '', 'charge.succeeded', '${ACCOUNT}', 'posted'
   from (${ITEMS}) as i cross join postern.endpoints e where e.account = '${ACCOUNT}' and n % ${KEYED} = 1`,
  `insert into postern.event_references (event_id, kind, value)
   select ${uuid('000')}, r.kind, r.value from (${ITEMS}) as i cross join lateral (values ('payment', payment), ('order', 'order-' || n)) as r (kind, value)
   where n % ${KEYED} = 1`,
  `insert into postern.open_items (account_id, reference, component, currency, amount)
   select ${PENDING}, payment, 'gross', 'EUR', amount from (${ITEMS}) as i order by payment`,
];

/** By what a line calls its payment. */
const SETTLED = `case n % ${KEYED} when 1 then 'x_' || n when 2 then 'unknown_' || n else payment end`;

const LINES = [
  `insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, source_line)
   select ${uuid('002')}, 'stripe:${ACCOUNT}:line:' || n, '', 'settlement.charge', at + interval '2 days', at::date + 2, 2, ${uuid('003')} from (${ITEMS}) as i`,
  `insert into postern.postings (transaction_id, line, account_id, currency, amount, reference, component)
   select ${uuid('002')}, l.line, l.account, 'EUR', l.sign * amount, case l.line when 0 then 'batch ' || n / 50000 else ${SETTLED} end,
     case when l.line = 1 then 'gross' end
   from (${ITEMS}) as i cross join (values (0::int2, ${BALANCE}, 1), (1::int2, ${PENDING}, -1)) as l (line, account, sign)`,
  `insert into postern.settlement_lines (id, settlement_id, row_no, provider, account, moves_money, identity, kind, batch, reference, component,
     currency, gross, fee, tax, net, booked_at, zone, key_merchant, raw)
   select ${uuid('003')}, ${uuid('003')}, n, 'stripe', '${ACCOUNT}', true, n::text, 'charge', 'batch ' || n / 50000, ${SETTLED}, 'gross', 'EUR', amount,
     0, 0, amount, at + interval '2 days', 'UTC', case when n % ${KEYED} = 1 then 'order-' || n end, ''
   from (${ITEMS}) as i`,
  `insert into postern.open_items as o (account_id, reference, component, currency, amount)
   select ${PENDING}, ${SETTLED}, 'gross', 'EUR', -amount from (${ITEMS}) as i order by 2
   on conflict (account_id, reference, component, currency) do update set amount = o.amount + excluded.amount, touched_at = now()`,
  `insert into postern.open_items as o (account_id, reference, component, currency, amount)
   select ${BALANCE}, 'batch ' || n / 50000, '', 'EUR', sum(amount) from (${ITEMS}) as i group by 2 order by 2
   on conflict (account_id, reference, component, currency) do update set amount = o.amount + excluded.amount, touched_at = now()`,
];

/** What the engine made of items that only wait. */
const WAITING = `insert into postern.residue (account_id, reference, component, currency, amount, opened_at, moved_at, due_at, look_at, bucket)
  select ${PENDING}, payment, 'gross', 'EUR', amount, at, at, now() + interval '30 days', now() + interval '30 days', 'in_transit'
  from (${ITEMS}) as i order by payment`;

const TABLES = ['transactions', 'postings', 'open_items', 'settlement_lines', 'event_references', 'events', 'residue'];

export type ItemFiller = {
  /** Payments that were announced; `waiting`: the engine has seen them. */
  announce(from: number, to: number, waiting: boolean): Promise<void>;
  settle(from: number, to: number): Promise<void>;
  /** The engine begins after all this. */
  passOver(): Promise<void>;
  analyze(): Promise<void>;
  end(): Promise<void>;
};

/** Writes items through the real tables, with their checks, a chunk a database transaction. */
export async function createItemFiller(
  { databaseUrl, role }: Pick<Stand, 'databaseUrl' | 'role'>,
  tell: (line: string) => void,
): Promise<ItemFiller> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: 1,
    options: role === null ? undefined : '-c role=postern_owner',
  });
  pool.on('error', (error) => tell(error.message));
  await pool.query('select from postern.ledger_open_accounts($1, $2, $3)', [
    [PENDING_PATH, `asset:processor_balance:stripe:${ACCOUNT}`, 'income:revenue'],
    ['asset', 'asset', 'income'],
    [true, true, false],
  ]);
  await pool.query(
    `insert into postern.endpoints (provider, name, account, settings) values ('stripe', $1, $1, '{}') on conflict do nothing`,
    [ACCOUNT],
  );

  async function write(statements: readonly string[], from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += ITEMS_A_CHUNK) {
      await withTransaction(pool, async (tx) => {
        for (const statement of statements) await tx.query(statement, [at, Math.min(to, at + ITEMS_A_CHUNK)]);
      });
      if ((at - from) % (ITEMS_A_CHUNK * 5) === 0) tell(`wrote ${(at - from).toLocaleString('en')} items`);
    }
  }

  return {
    announce: (from, to, waiting) => write(waiting ? [...ANNOUNCED, WAITING] : ANNOUNCED, from, to),
    settle: (from, to) => write(LINES, from, to),
    async passOver() {
      await pool.query(
        `update postern.reconciling r set xact = t.xact, id = t.id
         from (select t.xact, t.id from postern.transactions t order by t.xact desc, t.id desc limit 1) as t`,
      );
    },
    async analyze() {
      for (const table of TABLES) await pool.query(`vacuum (analyze) postern.${table}`);
    },
    end: () => pool.end(),
  };
}
