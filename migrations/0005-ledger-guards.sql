-- release: 2

-- What posting and closing promise each other, and components: what an open item of processor_pending may be called.

alter table postern.accounts add column components text[] not null default '{}';
comment on column postern.accounts.components is 'What a line''s component must be one of; none where empty';
update postern.accounts set components = '{gross,fee,dispute}' where starts_with(path, 'asset:processor_pending:');

-- By the path alone, so that the guard does not hang on what a caller says of its account.
create or replace function postern.ledger_open_accounts(paths text[], types text[], open_items boolean[])
returns table (id integer, path text, fresh boolean) language plpgsql security definer set search_path = pg_catalog, postern as $$
begin
  insert into postern.accounts (path, type, open_item, components)
  select a.path, a.type, a.open_item,
    case when starts_with(a.path, 'asset:processor_pending:') then '{gross,fee,dispute}'::text[] else '{}' end
  from unnest(paths, types, open_items) as a (path, type, open_item)
  order by a.path collate "C"
  on conflict do nothing;
  -- Fresh ones may still be rolled back: nobody is to remember their ids.
  return query select a.id, a.path, a.opened_at = now() from postern.accounts a where a.path = any (paths);
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
  select n.transaction_id into bad from (select distinct l.transaction_id from new_lines l) as n
  left join lateral (select t.xact from postern.transactions t where t.id = n.transaction_id limit 1) as t on true
  where t.xact is distinct from pg_current_xact_id() limit 1;
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

-- A close waits for the postings in flight, and those after it see it. Not row locks: an open period need not have a row
-- yet, and a row that every posting shares is never free for one that wants it alone (whoever shares does not queue). An
-- advisory lock queues in order, and costs a posting no write. Only a statement that changes periods takes it alone, so no
-- close can forget it.
create function postern.hold_postings() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform pg_advisory_xact_lock(73055, 0);
  return null;
end
$$;
create trigger periods_hold_postings before insert or update or delete on postern.periods
  for each statement execute function postern.hold_postings();

-- An update alone would not wait for those who hold the account "for key share".
create function postern.hold_account() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform 1 from postern.accounts a where a.id = old.id for update;
  return new;
end
$$;
create trigger accounts_hold_postings before update of closed_at on postern.accounts
  for each row when (old.closed_at is distinct from new.closed_at) execute function postern.hold_account();

-- A correction of a correction is a new posting; else nobody could tell what stands without following a chain. After the statement,
-- because one batch may hold both.
create function postern.check_reversal() returns trigger language plpgsql set search_path = pg_catalog as $$
declare
  reversed record;
begin
  select t.reverses into reversed from postern.transactions t where t.id = new.reverses;
  if not found then
    raise exception 'transaction % reverses %, which is not there', new.id, new.reverses using errcode = 'foreign_key_violation';
  end if;
  if reversed.reverses is not null then
    raise exception 'transaction % reverses %, which is a reversal itself', new.id, new.reverses using errcode = 'check_violation';
  end if;
  return null;
end
$$;
create trigger transactions_reversal after insert on postern.transactions
  for each row when (new.reverses is not null) execute function postern.check_reversal();

create or replace function postern.ledger_post(
  ids uuid[], keys text[], contents bytea[], kinds text[], effective timestamptz[], versions smallint[], reversed uuid[],
  events uuid[], line_txn uuid[], line_no smallint[], line_account integer[], line_currency text[], line_amount bigint[],
  line_reference text[], line_component text[]
) returns table (id uuid, existing uuid, same boolean)
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  first_open date;
  made uuid[];
begin
  -- Before anything is claimed: whoever waits here for a close holds nothing that a posting in flight could want.
  perform pg_advisory_xact_lock_shared(73055, 0);
  first_open := (select max(p.last_day) + 1 from postern.periods p where p.closed_at is not null);

  with inserted as (
    insert into postern.transactions (id, effect_key, content, kind, effective_at, accounting_date, rule_version, reverses, source_event)
    select t.id, t.key, t.content, t.kind, t.effective_at,
      greatest((t.effective_at at time zone 'utc')::date, first_open), t.version, t.reverses, t.event
    from unnest(ids, keys, contents, kinds, effective, versions, reversed, events)
      as t (id, key, content, kind, effective_at, version, reverses, event)
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
