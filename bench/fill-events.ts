import type pg from 'pg';

const EVENTS_A_CHUNK = 100_000;
/** 10,000,000 of them are seven months and a half. */
const FIRST_MS = Date.UTC(2026, 0, 1);
const MS_APART = 2_000;

/**
 * Events with a past, as `n` from `from` to `to`, written through the real table with its indexes: four endpoints, one of them
 * silent since the first tenth; types of which one has not come since then; references that name three events, 5,000 and a tenth
 * of all; dead letters, a burst of them with one cause among them; amounts that everybody pays, and amounts of one event.
 */
export async function fillEvents(
  pool: Pick<pg.Pool, 'query'>,
  { from, to }: { from: number; to: number },
  tell: (line: string) => void,
): Promise<void> {
  await pool.query(
    `insert into postern.endpoints (provider, name, account)
     values ('stripe', 'search', 'a'), ('adyen', 'search', 'a'), ('paypal', 'search', 'a'), ('stripe', 'silent', 'a')
     on conflict do nothing`,
  );
  const started = performance.now();
  for (let first = from; first < to; first += EVENTS_A_CHUNK) {
    const range = [first, Math.min(to, first + EVENTS_A_CHUNK) - 1];
    await pool.query(EVENTS, [...range, FIRST_MS, MS_APART]);
    await pool.query(REFERENCES, [...range, FIRST_MS, MS_APART]);
    tell(`filled ${(range[1] ?? 0) + 1} events in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }
  for (const table of ['events', 'event_references']) await pool.query(`vacuum (analyze) postern.${table}`);
  await pool.query('checkpoint').catch(() => undefined);
}

const ID = `(lpad(to_hex($3::bigint + n::bigint * $4::bigint), 12, '0') || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid`;

const EVENTS = `
  with numbers as (
    select n, ${ID} as id, to_timestamp(($3::bigint + n::bigint * $4::bigint) / 1000.0) as at, hashint8(n) & 1048575 as h
    from generate_series($1::bigint, $2::bigint) n
  ), shaped as (
    select *,
      case when n < 1000000 and n % 100 = 7 then 'stripe/silent'
        when h % 100 < 70 then 'stripe/search' when h % 100 < 90 then 'adyen/search' else 'paypal/search' end as endpoint,
      case when n < 1000000 and n % 5 = 0 then 'charge.legacy' when n % 20000 = 3 then 'charge.dispute.created'
        when h % 10 < 6 then 'charge.succeeded' when h % 10 < 9 then 'payment_intent.succeeded' else 'charge.refunded' end as type,
      case when n between 9000000 and 9003999 or n % 2500 = 11 then 'dead' when n % 1000 = 13 then 'deferred'
        when h % 2 = 0 then 'posted' else 'no_effect' end as status
    from numbers
  )
  insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, api_version, live,
    account, occurred_at, status, reason, error_code, error_message, waiting_for, posted_at, amount, currency)
  select s.id, s.id, at, e.id, 0, 'evt_' || substr(md5('event ' || n), 1, 24), sha256(n::text::bytea), type, '2025-03-31', true, 'a',
    at, status, case when status = 'no_effect' then 'no_money' end,
    case when status <> 'dead' then null when n between 9000000 and 9003999 then 'rule_failed' else 'normaliser_failed' end,
    case when status = 'dead' then 'cannot read property amount' end, case when status = 'deferred' then 'object' end,
    case when status = 'posted' then at end,
    case when status <> 'no_effect' then case when h % 20 = 0 then 999 else 1000 + (n * 7919) % 50000000 end end,
    case when status <> 'no_effect' then case when n % 10000 = 3 then 'KWD' when h % 5 = 0 then 'USD' else 'EUR' end end
  from shaped s join postern.endpoints e on e.provider || '/' || e.name = s.endpoint
  order by n`;

const REFERENCES = `
  insert into postern.event_references (event_id, kind, value)
  select ${ID}, r.kind, r.value from generate_series($1::bigint, $2::bigint) n
  cross join lateral (values ('payment', 'ch_' || md5('payment ' || n / 3)), ('payout', 'po_' || n / 5000)) r (kind, value)
  union all
  select ${ID}, 'customer', 'cus_everybody' from generate_series($1::bigint, $2::bigint) n where n % 10 = 0`;
