-- The ledger: append-only and balanced by Postgres itself. The running role may read it and call the functions below; it
-- has no other way in.

create table postern.accounts (
  id        integer generated always as identity primary key,
  path      text not null unique collate "C",
  type      text not null check (type in ('asset', 'liability', 'equity', 'income', 'expense', 'memo')),
  open_item boolean not null,
  closed_at timestamptz,
  opened_at timestamptz not null default now()
);
comment on column postern.accounts.open_item is 'Every posting names a reference, and what does not net to zero per reference is work for somebody';

create table postern.periods (
  first_day date primary key,
  last_day  date not null check (last_day >= first_day),
  closed_at timestamptz
);
comment on table postern.periods is 'A closed period takes nothing new: what is effective in it is accounted on the first day of the oldest open one';

create table postern.transactions (
  id              uuid primary key,
  effect_key      text not null collate "C",
  content         bytea not null,
  kind            text not null,
  effective_at    timestamptz not null,
  recorded_at     timestamptz not null default now(),
  accounting_date date not null,
  rule_version    smallint not null,
  reverses        uuid,
  source_event    uuid,
  xact            xid8 not null default pg_current_xact_id()
);
create unique index transactions_effect_key on postern.transactions (effect_key);
create unique index transactions_reverses on postern.transactions (reverses) where reverses is not null;
create index transactions_source_event on postern.transactions (source_event) where source_event is not null;
comment on column postern.transactions.effect_key is '{provider}:{account}:{object}:{effect}: deduplicates money, for ever';
comment on column postern.transactions.content is 'Hash of what was told: the same is a replay, another a conflict';
comment on column postern.transactions.effective_at is 'When the processor says it happened';
comment on column postern.transactions.recorded_at is 'When we knew';
comment on column postern.transactions.xact is 'The database transaction that made it: lines of a later one are refused';

create table postern.postings (
  transaction_id uuid not null,
  line           smallint not null,
  account_id     integer not null,
  currency       text not null check (currency ~ '^[A-Z]{3}$'),
  amount         bigint not null check (amount <> 0),
  reference      text collate "C",
  component      text,
  primary key (transaction_id, line)
);
create index postings_account on postern.postings (account_id, transaction_id);
create index postings_reference on postern.postings (reference) where reference is not null;
comment on column postern.postings.amount is 'Minor units of ISO 4217; debit is positive, credit negative';

create table postern.open_items (
  account_id integer not null,
  reference  text not null collate "C",
  component  text not null,
  currency   text not null,
  amount     bigint not null,
  touched_at timestamptz not null default now(),
  primary key (account_id, reference, component, currency)
);
comment on table postern.open_items is 'Derived from postings: what is open per reference';
alter table postern.open_items set (fillfactor = 80);

create table postern.balances (
  account_id integer not null,
  currency   text not null,
  debits     numeric(38) not null,
  credits    numeric(38) not null,
  primary key (account_id, currency)
);
comment on table postern.balances is 'Derived from postings: sums per account and currency';
alter table postern.balances set (fillfactor = 20, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0);

create table postern.transaction_evidence (
  transaction_id uuid not null,
  event_id       uuid not null,
  primary key (event_id, transaction_id)
);
comment on table postern.transaction_evidence is 'Events whose effect another event had posted already';

create table postern.effect_conflicts (
  effect_key  text not null collate "C",
  event_id    uuid not null,
  told        jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (effect_key, event_id)
);
comment on table postern.effect_conflicts is 'What was told under an effect key that is posted with other content';

create function postern.refuse_change() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  raise exception 'the ledger is append-only: % on % is refused; correct by a reversal', tg_op, tg_table_name
    using errcode = 'restrict_violation';
end
$$;
create trigger transactions_append_only before update or delete or truncate on postern.transactions
  for each statement execute function postern.refuse_change();
create trigger postings_append_only before update or delete or truncate on postern.postings
  for each statement execute function postern.refuse_change();

-- One check a statement over all new lines: a check a row would double the cost of a posting. A plan is kept as long as
-- its session: one made while the tables were empty would read all of transactions for every batch until they are analysed.
-- Hence no sequential scans, and lateral lookups that cannot become another join.
create function postern.check_postings() returns trigger language plpgsql
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
  select n.account_id, a.path into bad
  from (select distinct l.account_id, l.reference is not null as referenced from new_lines l) as n
  left join lateral (select a.* from postern.accounts a where a.id = n.account_id limit 1) as a on true
  where a.id is null or a.closed_at is not null or a.open_item <> n.referenced limit 1;
  if found then
    raise exception 'account % (%) is missing, closed, or wants a reference where there is none (or the other way round)',
      bad.account_id, bad.path using errcode = 'check_violation';
  end if;
  return null;
end
$$;
create trigger postings_balanced after insert on postern.postings referencing new table as new_lines
  for each statement execute function postern.check_postings();

-- Accounts come into being at their first use.
create function postern.ledger_open_accounts(paths text[], types text[], open_items boolean[])
returns table (id integer, path text, fresh boolean) language plpgsql security definer set search_path = pg_catalog, postern as $$
begin
  insert into postern.accounts (path, type, open_item)
  select a.path, a.type, a.open_item from unnest(paths, types, open_items) as a (path, type, open_item)
  order by a.path collate "C"
  on conflict do nothing;
  -- Fresh ones may still be rolled back: nobody is to remember their ids.
  return query select a.id, a.path, a.opened_at = now() from postern.accounts a where a.path = any (paths);
end
$$;

-- The one way in. Transactions are claimed in key order; a line is inserted only for a transaction that was; balances come
-- last, because they are what others wait for. Returned are the transactions whose key was taken: replays and conflicts.
create function postern.ledger_post(
  ids uuid[], keys text[], contents bytea[], kinds text[], effective timestamptz[], versions smallint[], reversed uuid[],
  events uuid[], line_txn uuid[], line_no smallint[], line_account integer[], line_currency text[], line_amount bigint[],
  line_reference text[], line_component text[]
) returns table (id uuid, existing uuid, same boolean)
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  first_open date := (select max(p.last_day) + 1 from postern.periods p where p.closed_at is not null);
  made uuid[];
begin
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

create function postern.ledger_note_evidence(transaction_ids uuid[], event_ids uuid[]) returns void
language sql security definer set search_path = pg_catalog, postern as $$
  insert into postern.transaction_evidence (transaction_id, event_id)
  select * from unnest(transaction_ids, event_ids) order by 2, 1 on conflict do nothing
$$;

create function postern.ledger_note_conflicts(keys text[], event_ids uuid[], told jsonb[]) returns void
language sql security definer set search_path = pg_catalog, postern as $$
  insert into postern.effect_conflicts (effect_key, event_id, told)
  select * from unnest(keys, event_ids, told) order by 1, 2 on conflict do nothing
$$;

revoke all on function postern.ledger_open_accounts, postern.ledger_post, postern.ledger_note_evidence,
  postern.ledger_note_conflicts from public;
grant execute on function postern.ledger_open_accounts, postern.ledger_post, postern.ledger_note_evidence,
  postern.ledger_note_conflicts to postern_app;
grant select on postern.accounts, postern.periods, postern.transactions, postern.postings, postern.open_items,
  postern.balances, postern.transaction_evidence, postern.effect_conflicts to postern_app;
