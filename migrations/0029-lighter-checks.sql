-- release: 2

-- What a line costs is mostly its indexes; the rest is looking at it again and again. As before, with one look at the new lines
-- for their sums and their transactions, and a currency's letters looked at once a batch: as a constraint, the expression was a
-- tenth of what a line costs.
create or replace function postern.check_postings() returns trigger language plpgsql
set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  bad record;
  lowest uuid;
  highest uuid;
begin
  with sums as materialized (
    select n.transaction_id, n.currency, sum(n.amount) as off from new_lines n group by n.transaction_id, n.currency
  )
  select s.transaction_id, s.currency, s.off into bad from sums s
  left join lateral (select t.xact from postern.transactions t where t.id = s.transaction_id limit 1) as t on true
  where s.off <> 0 or t.xact is distinct from pg_current_xact_id() limit 1;
  if found and bad.off <> 0 then
    raise exception 'transaction % does not balance in %: off by %', bad.transaction_id, bad.currency, bad.off
      using errcode = 'check_violation';
  end if;
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
  select n.account_id, n.component, n.currency, a.path into bad
  from (select distinct l.account_id, l.reference is not null as referenced, l.component, l.currency from new_lines l) as n
  left join lateral (select a.* from postern.accounts a where a.id = n.account_id limit 1) as a on true
  where a.id is null or a.closed_at is not null or a.open_item <> n.referenced
    or case when n.component is null then a.components <> '{}' else n.component <> all (a.components) end
    or n.currency !~ '^[A-Z]{3}$'
  limit 1;
  if found and bad.currency !~ '^[A-Z]{3}$' then
    raise exception 'a currency is three capital letters of ISO 4217, and not %', bad.currency using errcode = 'check_violation';
  end if;
  if found then
    raise exception 'account % (%) is missing or closed, or wants a reference or a component where there is none (or the other way round): component %',
      bad.account_id, bad.path, bad.component using errcode = 'check_violation';
  end if;
  return null;
end
$$;
alter table postern.postings drop constraint postings_currency_check;

-- As before, with one look at the lines instead of two for what they add to items and balances.
-- `fees` is the reference whose fee an entry recognises, null where it recognises none: where a fee of it was announced, the
-- entry is left out. Whoever calls holds the account's fees alone. Returns what stood already under the keys.
create or replace function postern.ledger_record_many(
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

    with summed as materialized (
      select l.account, l.reference, coalesce(l.component, '') as component, l.currency,
        coalesce(sum(l.amount) filter (where l.amount > 0), 0) as debits, coalesce(-sum(l.amount) filter (where l.amount < 0), 0) as credits
      from unnest(line_account, line_currency, line_amount, line_reference, line_component)
        as l (account, currency, amount, reference, component)
      group by 1, 2, 3, 4
    ), items as (
      insert into postern.unsettled_items (xact, account_id, reference, component, currency, amount)
      select pg_current_xact_id(), s.account, s.reference, s.component, s.currency, s.debits - s.credits
      from summed s where s.reference is not null
    )
    insert into postern.unsettled_balances (xact, account_id, currency, debits, credits)
    select pg_current_xact_id(), s.account, s.currency, sum(s.debits), sum(s.credits) from summed s group by 2, 3;
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
