-- release: 2

-- What else than an event leads to a transaction; the log that seals transactions in the order of their commits; and sums by
-- day, which the sealer keeps: on the way of a posting they would cost every posting, behind it they cost none.

alter table postern.transactions
  add column source_line uuid,
  add column source_request uuid,
  add column cause text;
comment on column postern.transactions.source_line is 'The line of a settlement report or bank statement it came from';
comment on column postern.transactions.source_request is 'The service''s request it came from';
comment on column postern.transactions.cause is 'JSON: who did it and why, where a person or a matching pass did';

alter table postern.accounts add column overdraft text not null default 'allowed' check (overdraft in ('allowed', 'refused'));
comment on column postern.accounts.overdraft is 'refused: no request of a service may take the account below zero; what processors tell posts all the same';

create table postern.seal (
  seq            bigint primary key,
  transaction_id uuid not null unique,
  leaf_hash      bytea not null,
  source_sha256  bytea
);
comment on table postern.seal is 'An RFC 6962 Merkle log of transactions, in the order of their commits: seq counts from 0 without gaps';
comment on column postern.seal.leaf_hash is 'postern.leaf_hash over every business field';
comment on column postern.seal.source_sha256 is 'Of the body that brought its event, as it stood when sealed: outlives the body';

create table postern.seal_nodes (
  level    smallint not null,
  position bigint not null,
  hash     bytea not null,
  primary key (level, position)
);
comment on table postern.seal_nodes is 'Hashes of whole subtrees of 2^level leaves, level 8, 16, 24 …, so that a proof reads hundreds of rows and not all';

create table postern.sealing (
  only_row boolean primary key default true check (only_row),
  size     bigint not null,
  xact     xid8 not null,
  id       uuid not null
);
comment on table postern.sealing is 'One row: how many are sealed, and the transaction up to which everything is';
insert into postern.sealing (size, xact, id) values (0, '0', '00000000-0000-0000-0000-000000000000');

create table postern.signing_keys (
  id         text primary key,
  public_key bytea not null,
  sealed     bytea not null,
  created_at timestamptz not null default now()
);
comment on table postern.signing_keys is 'Ed25519 keys that sign tree heads; the private part is encrypted. The newest signs';

create table postern.tree_heads (
  size      bigint primary key,
  root      bytea not null,
  signed_at timestamptz not null,
  key_id    text not null,
  signature bytea not null
);
comment on table postern.tree_heads is 'Signed: the log had this root at this size. They are written to a file too, for outsiders to hold';

create table postern.balance_days (
  account_id      integer not null,
  currency        text not null,
  effective_day   date not null,
  recorded_day    date not null,
  accounting_date date not null,
  debits          numeric(38) not null,
  credits         numeric(38) not null,
  first_id        uuid not null,
  last_id         uuid not null,
  primary key (account_id, currency, effective_day, recorded_day, accounting_date)
);
comment on table postern.balance_days is 'Derived from sealed postings: what moved, by the days (UTC) it happened and was recorded. A late event adds to one row';
comment on column postern.balance_days.first_id is 'The transactions it sums lie between these two';
alter table postern.balance_days set (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

create trigger seal_append_only before update or delete or truncate on postern.seal
  for each statement execute function postern.refuse_change();
create trigger seal_nodes_append_only before update or delete or truncate on postern.seal_nodes
  for each statement execute function postern.refuse_change();
create trigger tree_heads_append_only before update or delete or truncate on postern.tree_heads
  for each statement execute function postern.refuse_change();

-- Every business field, each with its type and its length before it: Postgres's own binary form of a row (record_send) is
-- int32 number of fields, then for each int32 type, int32 length (-1: null) and the bytes. docs/ledger-log.md says it whole.
-- The paths stand there and not the ids of accounts, so that an outsider can make the same bytes.
create function postern.line_bytes(line smallint, account text, currency text, amount bigint, reference text, component text)
returns bytea language sql stable as $$
  select record_send(row(line, account, currency, amount, reference, component))
$$;

create function postern.leaf_hash(
  id uuid, effect_key text, content bytea, kind text, effective_at timestamptz, recorded_at timestamptz, accounting_date date,
  rule_version smallint, reverses uuid, source_event uuid, source_sha256 bytea, source_line uuid, source_request uuid, cause text,
  lines bytea
) returns bytea language sql stable as $$
  select sha256('\x00'::bytea || record_send(row('postern.transaction.1'::text, id, effect_key, content, kind, effective_at, recorded_at,
    accounting_date, rule_version, reverses, source_event, source_sha256, source_line, source_request, cause)) || coalesce(lines, ''::bytea))
$$;

-- The root of a whole subtree: as many hashes as a power of two. They are kept one after the other in one value: a query a level
-- over an array of them takes three times as long.
create function postern.merkle_root(hashes bytea[]) returns bytea language plpgsql immutable set search_path = pg_catalog as $$
declare
  nodes bytea := (select string_agg(u.hash, ''::bytea order by u.no) from unnest(hashes) with ordinality as u (hash, no));
  above bytea;
begin
  while length(nodes) > 32 loop
    above := '';
    for n in 0 .. length(nodes) / 64 - 1 loop
      above := above || sha256('\x01'::bytea || substr(nodes, n * 64 + 1, 64));
    end loop;
    nodes := above;
  end loop;
  return nodes;
end
$$;

-- Puts these transactions at the end of the log, in this order, with what follows from it: whole subtrees and sums by day. Their
-- rows are read once for both. Refused (unique_violation) where one of them is sealed already.
create function postern.seal_transactions(ids uuid[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off set work_mem = '16MB' as $$
declare
  before bigint := (select s.size from postern.sealing s);
  after bigint := before + cardinality(ids);
  height integer;
begin
  with told as materialized (
    select n.no, t.*, e.body_sha256, t.id::text as name,
      (t.effective_at at time zone 'utc')::date as effective_day, (t.recorded_at at time zone 'utc')::date as recorded_day
    from unnest(ids) with ordinality as n (id, no)
    join lateral (select t.* from postern.transactions t where t.id = n.id limit 1) as t on true
    left join lateral (select e.body_sha256 from postern.events e where e.id = t.source_event limit 1) as e on true
  ), lines as materialized (
    select n.no, p.line, p.account_id, p.currency, p.amount,
      postern.line_bytes(p.line, a.path, p.currency, p.amount, p.reference, p.component) as bytes
    from unnest(ids) with ordinality as n (id, no)
    join lateral (select p.* from postern.postings p where p.transaction_id = n.id limit 100000) as p on true
    join postern.accounts a on a.id = p.account_id
  ), sealed as (
    insert into postern.seal (seq, transaction_id, leaf_hash, source_sha256)
    select before + t.no - 1, t.id,
      postern.leaf_hash(t.id, t.effect_key, t.content, t.kind, t.effective_at, t.recorded_at, t.accounting_date, t.rule_version, t.reverses,
        t.source_event, t.body_sha256, t.source_line, t.source_request, t.cause, l.bytes),
      t.body_sha256
    from told t
    left join (select no, string_agg(bytes, ''::bytea order by line) as bytes from lines group by no) as l on l.no = t.no
    order by t.no
  )
  insert into postern.balance_days as d (account_id, currency, effective_day, recorded_day, accounting_date, debits, credits, first_id, last_id)
  select l.account_id, l.currency, t.effective_day, t.recorded_day, t.accounting_date,
    coalesce(sum(l.amount) filter (where l.amount > 0), 0), coalesce(-sum(l.amount) filter (where l.amount < 0), 0),
    min(t.name collate "C")::uuid, max(t.name collate "C")::uuid
  from lines l join told t on t.no = l.no
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (account_id, currency, effective_day, recorded_day, accounting_date) do update
  set debits = d.debits + excluded.debits, credits = d.credits + excluded.credits,
    first_id = least(d.first_id, excluded.first_id), last_id = greatest(d.last_id, excluded.last_id);

  for height in 8 .. 56 by 8 loop
    exit when after >> height = before >> height;
    insert into postern.seal_nodes (level, position, hash)
    select height, b.block, postern.merkle_root(case height
        when 8 then array(select s.leaf_hash from postern.seal s where s.seq >= b.block << 8 and s.seq < (b.block + 1) << 8 order by s.seq)
        else array(select c.hash from postern.seal_nodes c
          where c.level = height - 8 and c.position >= b.block << 8 and c.position < (b.block + 1) << 8 order by c.position)
      end)
    from generate_series(before >> height, (after >> height) - 1) as b (block);
  end loop;

  update postern.sealing set size = after;
  return after;
end
$$;

-- The next of the log. What is older than every transaction still running is there for good, and nothing can come before it any
-- more: so one that commits late is waited for and never skipped. Returns how many were looked at (fewer than `most`: that was
-- all) and how many are sealed; nothing while another session seals.
create function postern.ledger_seal(most integer) returns table (looked_at integer, size bigint)
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  at postern.sealing;
  horizon xid8;
  ids uuid[];
  last_xact xid8;
begin
  select s.* into at from postern.sealing s for update skip locked;
  if not found then
    return;
  end if;
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  select array_agg(t.id order by t.xact, t.id), (array_agg(t.xact order by t.xact desc, t.id desc))[1] into ids, last_xact
  from (
    select t.xact, t.id from postern.transactions t
    where (t.xact, t.id) > (at.xact, at.id) and t.xact < horizon order by t.xact, t.id limit most
  ) as t;
  looked_at := coalesce(cardinality(ids), 0);
  size := at.size;
  if looked_at > 0 then
    update postern.sealing set xact = last_xact, id = ids[looked_at];
    begin
      size := postern.seal_transactions(ids);
    exception when unique_violation then
      -- After a move to another server its numbers may come again. Looked for only then: it would cost every transaction a look.
      ids := array(
        select n.id from unnest(ids) with ordinality as n (id, no)
        where not exists (select from postern.seal s where s.transaction_id = n.id) order by n.no
      );
      if cardinality(ids) > 0 then
        size := postern.seal_transactions(ids);
      end if;
    end;
  end if;
  return next;
end
$$;

-- After a move to another server (a restore from a dump) the numbers of transactions begin anew: everything that was found is
-- sealed, in the order of its ids, and the log goes on from here. Returns how many were not sealed yet.
create function postern.ledger_seal_found() returns integer
language plpgsql security definer set search_path = pg_catalog, postern as $$
declare
  horizon xid8;
  ids uuid[];
begin
  perform 1 from postern.sealing for update;
  -- Before the look: what commits between the two is beyond it, and sealed in its turn.
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  ids := array(
    select t.id from postern.transactions t
    where not exists (select from postern.seal s where s.transaction_id = t.id) order by t.id
  );
  if cardinality(ids) > 0 then
    perform postern.seal_transactions(ids);
  end if;
  update postern.sealing set xact = horizon, id = '00000000-0000-0000-0000-000000000000';
  return cardinality(ids);
end
$$;

-- Sums by day are derived: made anew from what is sealed. Returns how many rows there are.
create function postern.rebuild_balance_days() returns bigint
language plpgsql security definer set search_path = pg_catalog, postern as $$
declare
  made bigint;
begin
  perform 1 from postern.sealing for update;
  delete from postern.balance_days;
  insert into postern.balance_days (account_id, currency, effective_day, recorded_day, accounting_date, debits, credits, first_id, last_id)
  select p.account_id, p.currency, (t.effective_at at time zone 'utc')::date, (t.recorded_at at time zone 'utc')::date, t.accounting_date,
    coalesce(sum(p.amount) filter (where p.amount > 0), 0), coalesce(-sum(p.amount) filter (where p.amount < 0), 0),
    min(p.transaction_id::text collate "C")::uuid, max(p.transaction_id::text collate "C")::uuid
  from postern.seal s
  join postern.transactions t on t.id = s.transaction_id
  join postern.postings p on p.transaction_id = t.id
  group by 1, 2, 3, 4, 5;
  get diagnostics made = row_count;
  return made;
end
$$;

create or replace function postern.check_postings() returns trigger language plpgsql
set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  bad record;
begin
  select n.transaction_id, n.currency, sum(n.amount) as off into bad
  from new_lines n group by n.transaction_id, n.currency having sum(n.amount) <> 0 limit 1;
  if found then
    raise exception 'transaction % does not balance in %: off by %', bad.transaction_id, bad.currency, bad.off
      using errcode = 'check_violation';
  end if;
  -- Sealed ones too: after a move to another server an old transaction's number may be the running one's.
  select n.transaction_id into bad from (select distinct l.transaction_id from new_lines l) as n
  left join lateral (select t.xact from postern.transactions t where t.id = n.transaction_id limit 1) as t on true
  where t.xact is distinct from pg_current_xact_id()
    or exists (select from postern.seal s where s.transaction_id = n.transaction_id) limit 1;
  if found then
    raise exception 'transaction % was not made by this database transaction: no line can be added to it', bad.transaction_id
      using errcode = 'check_violation';
  end if;
  select n.account_id, n.component, a.path into bad
  from (select distinct l.account_id, l.reference is not null as referenced, l.component from new_lines l) as n
  left join lateral (select a.* from postern.accounts a where a.id = n.account_id limit 1) as a on true
  where a.id is null or a.closed_at is not null or a.open_item <> n.referenced
    or case when n.component is null then a.components <> '{}' else n.component <> all (a.components) end
  limit 1;
  if found then
    raise exception 'account % (%) is missing or closed, or wants a reference or a component where there is none (or the other way round): component %',
      bad.account_id, bad.path, bad.component using errcode = 'check_violation';
  end if;
  return null;
end
$$;

-- The one way in, as ledger_post was, and with what else than an event may lead to a transaction. `zones` is the time zone in
-- whose days the books of a transaction are kept (UTC where null). An array that is null is one of nulls.
create function postern.ledger_record(
  ids uuid[], keys text[], contents bytea[], kinds text[], effective timestamptz[], zones text[], versions smallint[], reversed uuid[],
  events uuid[], source_lines uuid[], requests uuid[], causes text[],
  line_txn uuid[], line_no smallint[], line_account integer[], line_currency text[], line_amount bigint[],
  line_reference text[], line_component text[]
) returns table (id uuid, existing uuid, same boolean)
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  first_open date;
  made uuid[];
  overdrawn text;
begin
  -- Before anything is claimed: whoever waits here for a close holds nothing that a posting in flight could want.
  perform pg_advisory_xact_lock_shared(73055, 0);
  first_open := (select max(p.last_day) + 1 from postern.periods p where p.closed_at is not null);

  with inserted as (
    insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, reverses,
      source_event, source_line, source_request, cause)
    select t.id, t.key, t.content, t.kind, t.effective_at,
      greatest((t.effective_at at time zone coalesce(t.zone, 'utc'))::date, first_open), t.version, t.reverses,
      t.event, t.line, t.request, t.cause
    from unnest(ids, keys, contents, kinds, effective, zones, versions, reversed, events, source_lines, requests, causes)
      as t (id, key, content, kind, effective_at, zone, version, reverses, event, line, request, cause)
    on conflict (effect_key) do nothing
    returning transactions.id
  )
  select array_agg(i.id) into made from inserted i;

  -- What was taken already leaves the lines here, once: a join in each statement below would cost more than it inserts.
  if cardinality(made) is distinct from cardinality(ids) then
    select array_agg(l.txn), array_agg(l.no), array_agg(l.account), array_agg(l.currency), array_agg(l.amount),
      array_agg(l.reference), array_agg(l.component)
    into line_txn, line_no, line_account, line_currency, line_amount, line_reference, line_component
    from unnest(line_txn, line_no, line_account, line_currency, line_amount, line_reference, line_component)
      as l (txn, no, account, currency, amount, reference, component)
    where l.txn in (select unnest(made));
  end if;

  if cardinality(line_account) > 0 then
    perform 1 from postern.accounts a where a.id = any (line_account) order by a.id for key share;

    insert into postern.postings (transaction_id, line, account_id, currency, amount, reference, component)
    select * from unnest(line_txn, line_no, line_account, line_currency, line_amount, line_reference, line_component);

    insert into postern.open_items as o (account_id, reference, component, currency, amount)
    select l.account, l.reference, coalesce(l.component, ''), l.currency, sum(l.amount)
    from unnest(line_account, line_currency, line_amount, line_reference, line_component)
      as l (account, currency, amount, reference, component)
    where l.reference is not null
    group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict (account_id, reference, component, currency) do update
    set amount = o.amount + excluded.amount, touched_at = now();

    insert into postern.balances as b (account_id, currency, debits, credits)
    select l.account, l.currency, coalesce(sum(l.amount) filter (where l.amount > 0), 0), coalesce(-sum(l.amount) filter (where l.amount < 0), 0)
    from unnest(line_account, line_currency, line_amount) as l (account, currency, amount)
    group by 1, 2 order by 1, 2
    on conflict (account_id, currency) do update set debits = b.debits + excluded.debits, credits = b.credits + excluded.credits;

    -- What processors tell has happened, and posts; only a service can be told no. Its balances are locked by the update above.
    if requests is not null then
      select a.path into overdrawn
      from (select l.account, l.currency from unnest(line_account, line_currency, line_amount) as l (account, currency, amount)
        group by 1, 2 having sum(l.amount) < 0) as l
      join postern.accounts a on a.id = l.account and a.overdraft = 'refused'
      join postern.balances b on b.account_id = l.account and b.currency = l.currency and b.debits < b.credits
      order by 1 limit 1;
      if found then
        raise exception 'account % would be overdrawn', overdrawn using errcode = 'check_violation', constraint = 'accounts_overdraft';
      end if;
    end if;
  end if;

  if cardinality(made) = cardinality(ids) then
    return;
  end if;
  -- A statement of its own: the insert above does not see what was committed while it waited.
  return query
  select t.id, e.id, e.content = t.content
  from unnest(ids, keys, contents) as t (id, key, content)
  cross join lateral (
    select e.id, e.content from postern.transactions e where e.effect_key = t.key and e.id <> t.id limit 1
  ) as e;
end
$$;

-- Programs of before go on with the call they know.
create or replace function postern.ledger_post(
  ids uuid[], keys text[], contents bytea[], kinds text[], effective timestamptz[], versions smallint[], reversed uuid[],
  events uuid[], line_txn uuid[], line_no smallint[], line_account integer[], line_currency text[], line_amount bigint[],
  line_reference text[], line_component text[]
) returns table (id uuid, existing uuid, same boolean)
language sql security definer set search_path = pg_catalog, postern as $$
  select * from postern.ledger_record(ids, keys, contents, kinds, effective, null, versions, reversed, events, null, null, null,
    line_txn, line_no, line_account, line_currency, line_amount, line_reference, line_component)
$$;

create function postern.set_overdraft(path text, policy text) returns boolean
language sql security definer set search_path = pg_catalog, postern as $$
  update postern.accounts a set overdraft = policy where a.path = set_overdraft.path returning true
$$;

revoke all on function postern.seal_transactions, postern.ledger_seal, postern.ledger_seal_found, postern.rebuild_balance_days,
  postern.ledger_record, postern.set_overdraft from public;
grant execute on function postern.ledger_seal, postern.ledger_seal_found, postern.rebuild_balance_days, postern.ledger_record,
  postern.set_overdraft to postern_app;
grant select on postern.seal, postern.seal_nodes, postern.sealing, postern.tree_heads, postern.signing_keys, postern.balance_days
  to postern_app;
grant insert on postern.tree_heads, postern.signing_keys to postern_app;
