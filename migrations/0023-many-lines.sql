-- release: 2

-- The way in for a report of a million lines. What ledger_record does for a batch is done here in two: the transactions and
-- their lines batch by batch, and what is derived from them (open items, balances) once, at the end, in the order of locks. A
-- webhook that comes meanwhile waits for the end alone, and not for minutes on the balance that every batch touches.

create table postern.unsettled (
  xact xid8 primary key
);
comment on table postern.unsettled is 'Database transactions with lines that are not in open items and balances yet; none of them can commit';

-- Unlogged: a server that crashes takes their transaction back as well.
create unlogged table postern.unsettled_items (
  xact       xid8 not null,
  account_id integer not null,
  reference  text not null collate "C",
  component  text not null,
  currency   text not null,
  amount     numeric(38) not null
);
comment on table postern.unsettled_items is 'What batches of lines add to open items, until ledger_settle_many';

create unlogged table postern.unsettled_balances (
  xact       xid8 not null,
  account_id integer not null,
  currency   text not null,
  debits     numeric(38) not null,
  credits    numeric(38) not null
);
comment on table postern.unsettled_balances is 'What batches of lines add to balances, until ledger_settle_many';

-- As the owner: before Postgres 18 a deferred trigger runs as whoever commits.
create function postern.check_settled() returns trigger language plpgsql security definer set search_path = pg_catalog, postern as $$
begin
  if exists (select from postern.unsettled u where u.xact = new.xact) then
    raise exception 'lines were recorded and not settled: ledger_settle_many comes before the commit' using errcode = 'check_violation';
  end if;
  return null;
end
$$;
create constraint trigger unsettled_at_commit after insert on postern.unsettled deferrable initially deferred
  for each row execute function postern.check_settled();

-- As before, with one look for what is sealed instead of one a transaction.
create or replace function postern.check_postings() returns trigger language plpgsql
set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  bad record;
  lowest uuid;
  highest uuid;
begin
  select n.transaction_id, n.currency, sum(n.amount) as off into bad
  from new_lines n group by n.transaction_id, n.currency having sum(n.amount) <> 0 limit 1;
  if found then
    raise exception 'transaction % does not balance in %: off by %', bad.transaction_id, bad.currency, bad.off
      using errcode = 'check_violation';
  end if;
  select n.transaction_id into bad from (select distinct l.transaction_id from new_lines l) as n
  left join lateral (select t.xact from postern.transactions t where t.id = n.transaction_id limit 1) as t on true
  where t.xact is distinct from pg_current_xact_id() limit 1;
  if not found then
    -- Sealed ones too: after a move to another server an old transaction's number may be the running one's. By their range
    -- first, in which hardly ever one is: a look for each of thousands would cost as much as writing them.
    lowest := (select l.transaction_id from new_lines l order by l.transaction_id limit 1);
    highest := (select l.transaction_id from new_lines l order by l.transaction_id desc limit 1);
    if exists (select from postern.seal s where s.transaction_id between lowest and highest) then
      select n.transaction_id into bad from (select distinct l.transaction_id from new_lines l) as n
      where exists (select from postern.seal s where s.transaction_id = n.transaction_id) limit 1;
    end if;
  end if;
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

-- `fees` is the reference whose fee an entry recognises, null where it recognises none: where a fee of it was announced, the
-- entry is left out. Whoever calls holds the account's fees alone. Returns what stood already under the keys.
create function postern.ledger_record_many(
  ids uuid[], keys text[], contents bytea[], kinds text[], effective timestamptz[], zones text[], version smallint,
  source_lines uuid[], fees text[], pending integer,
  line_txn uuid[], line_no smallint[], line_account integer[], line_currency text[], line_amount bigint[],
  line_reference text[], line_component text[]
) returns table (id uuid, existing uuid, same boolean)
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  first_open date;
  made uuid[];
  announced uuid[];
begin
  -- Before anything is claimed: whoever waits here for a close holds nothing that a posting in flight could want.
  perform pg_advisory_xact_lock_shared(73055, 0);
  first_open := (select max(p.last_day) + 1 from postern.periods p where p.closed_at is not null);
  insert into postern.unsettled (xact) values (pg_current_xact_id()) on conflict do nothing;

  -- Lookups that cannot become another join: as one, each batch would read all fees of the account.
  select array_agg(f.id) into announced
  from (select u.id, u.reference from unnest(ids, fees) as u (id, reference) where u.reference is not null) as f
  cross join lateral (
    select from postern.open_items o where o.account_id = pending and o.reference = f.reference and o.component = 'fee' limit 1
  ) as o
  cross join lateral (
    select from postern.postings p
    cross join lateral (
      select from postern.transactions t where t.id = p.transaction_id and t.kind = 'payment.fee_known'
        and (select r.id from postern.transactions r where r.reverses = t.id limit 1) is null limit 1
    ) as t
    where p.reference = f.reference and p.account_id = pending and p.component = 'fee' limit 1
  ) as told;

  with inserted as (
    insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, source_line)
    select t.id, t.key, t.content, t.kind, t.effective_at,
      greatest((t.effective_at at time zone coalesce(t.zone, 'utc'))::date, first_open), version, t.line
    from unnest(ids, keys, contents, kinds, effective, zones, source_lines) as t (id, key, content, kind, effective_at, zone, line)
    where announced is null or t.id <> all (announced)
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

    insert into postern.unsettled_items (xact, account_id, reference, component, currency, amount)
    select pg_current_xact_id(), l.account, l.reference, coalesce(l.component, ''), l.currency, sum(l.amount)
    from unnest(line_account, line_currency, line_amount, line_reference, line_component)
      as l (account, currency, amount, reference, component)
    where l.reference is not null
    group by 2, 3, 4, 5;

    insert into postern.unsettled_balances (xact, account_id, currency, debits, credits)
    select pg_current_xact_id(), l.account, l.currency, coalesce(sum(l.amount) filter (where l.amount > 0), 0),
      coalesce(-sum(l.amount) filter (where l.amount < 0), 0)
    from unnest(line_account, line_currency, line_amount) as l (account, currency, amount)
    group by 2, 3;
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
  ) as e
  where announced is null or t.id <> all (announced);
end
$$;

-- Brings what is derived up to date with all that this database transaction recorded so.
create function postern.ledger_settle_many() returns void
language plpgsql security definer set search_path = pg_catalog, postern set work_mem = '192MB' as $$
begin
  insert into postern.open_items as o (account_id, reference, component, currency, amount)
  select u.account_id, u.reference, u.component, u.currency, sum(u.amount)
  from postern.unsettled_items u where u.xact = pg_current_xact_id()
  group by 1, 2, 3, 4 order by 1, 2, 3, 4
  on conflict (account_id, reference, component, currency) do update
  set amount = o.amount + excluded.amount, touched_at = now();

  insert into postern.balances as b (account_id, currency, debits, credits)
  select u.account_id, u.currency, sum(u.debits), sum(u.credits)
  from postern.unsettled_balances u where u.xact = pg_current_xact_id()
  group by 1, 2 order by 1, 2
  on conflict (account_id, currency) do update set debits = b.debits + excluded.debits, credits = b.credits + excluded.credits;

  delete from postern.unsettled_items u where u.xact = pg_current_xact_id();
  delete from postern.unsettled_balances u where u.xact = pg_current_xact_id();
  delete from postern.unsettled u where u.xact = pg_current_xact_id();
end
$$;

revoke all on function postern.ledger_record_many, postern.ledger_settle_many, postern.check_settled from public;
grant execute on function postern.ledger_record_many, postern.ledger_settle_many to postern_app;
