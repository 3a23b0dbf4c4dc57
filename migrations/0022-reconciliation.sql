-- release: 2
-- What does not net to zero, by whom it is worked, and how far the books were looked through for it.

create table postern.reconciling (
  only_row     boolean primary key default true check (only_row),
  xact         xid8 not null,
  id           uuid not null,
  looked_at    timestamptz,
  conflicts_seen timestamptz not null default '-infinity'
);
comment on table postern.reconciling is 'One row: up to which transaction, in the order of commits, items were looked at';
comment on column postern.reconciling.conflicts_seen is 'Contradicting announcements recorded before it were told';
insert into postern.reconciling (xact, id) values ('0', '00000000-0000-0000-0000-000000000000');

create table postern.observed_imports (
  id       uuid primary key,
  status   text not null,
  repeated integer not null
);
comment on table postern.observed_imports is 'Reports and statements whose controls were looked at, as they were then';

create function postern.path_part(name text) returns text language sql immutable parallel safe as $$
  select replace(replace(name, '%', '%25'), ':', '%3A')
$$;
comment on function postern.path_part is 'A name as it stands inside the path of an account';

create table postern.reconciled_accounts (
  account_id integer primary key,
  settings   text not null
);
comment on table postern.reconciled_accounts is 'By which settings the items of an account were judged: by others, all are judged anew';

create table postern.residue (
  account_id integer not null,
  reference  text not null collate "C",
  component  text not null,
  currency   text not null,
  amount     bigint not null,
  matched    bigint not null default 0,
  opened_at  timestamptz,
  moved_at   timestamptz,
  due_at     timestamptz,
  look_at    timestamptz,
  bucket     text not null default 'in_transit' check (bucket in ('matched', 'in_transit', 'discrepancy', 'informational')),
  class      text,
  discrepancy_id uuid,
  primary key (account_id, reference, component, currency)
);
comment on table postern.residue is 'Derived from open_items, seconds behind: those that are not zero, or are so by a pass alone';
comment on column postern.residue.matched is 'What passes allocated to it by themselves: without that it is what it is by its own movements';
comment on column postern.residue.opened_at is 'When the first of its legs was effective';
comment on column postern.residue.moved_at is 'When the last of its legs was effective';
comment on column postern.residue.due_at is 'When its window ends';
comment on column postern.residue.look_at is 'When it is judged next: at once where something of it moved, else when its window ends. Null: not before it moves';
comment on column postern.residue.discrepancy_id is 'Its own, or the missing file it is shown under';
create index residue_look on postern.residue (look_at) where look_at is not null;
create index residue_reference on postern.residue (reference);
create index residue_amount on postern.residue (account_id, currency, (amount - matched));
create index residue_class on postern.residue (account_id, class) where class is not null;

create table postern.residue_keys (
  account_id integer not null,
  hash       bigint not null,
  kind       text not null check (kind in ('payment', 'merchant')),
  reference  text not null collate "C",
  component  text not null,
  currency   text not null,
  key        text not null collate "C",
  primary key (account_id, hash, kind, reference, component, currency)
);
comment on table postern.residue_keys is 'By what else the lines of an item name it: for items of reports that announcements did not net yet';
comment on column postern.residue_keys.hash is 'hashtextextended(key, 0): joins go over it, and compare the key afterwards';
create index residue_keys_item on postern.residue_keys (reference, account_id);

create table postern.matches (
  id               text primary key collate "C",
  account_id       integer not null,
  currency         text not null,
  debit_reference  text not null collate "C",
  debit_component  text not null,
  credit_reference text not null collate "C",
  credit_component text not null,
  amount           bigint not null,
  pass             text not null,
  score            real not null,
  actor            text not null,
  transaction_id   uuid not null,
  made_at          timestamptz not null default now(),
  undone_at        timestamptz
);
comment on table postern.matches is 'Allocations as they were posted, by a pass (actor system) or by a person who agreed';
comment on column postern.matches.id is 'Of what it allocates and how often that was done before: the effect key ends in it';
create index matches_debit on postern.matches (account_id, debit_reference);
create index matches_credit on postern.matches (account_id, credit_reference);

create table postern.discrepancies (
  id            uuid primary key,
  fingerprint   text not null unique collate "C",
  class         text not null,
  cause         text,
  status        text not null default 'open'
    check (status in ('open', 'assigned', 'pending_approval', 'resolved', 'auto_cleared', 'written_off', 'reopened')),
  in_proof      boolean not null,
  provider      text not null collate "C",
  account       text not null collate "C",
  item          text,
  reference     text not null collate "C",
  component     text not null default '',
  currency      text not null,
  delta         numeric(38) not null,
  ledger        jsonb not null default '{}',
  settlement    jsonb not null default '{}',
  bank          jsonb not null default '{}',
  differences   jsonb not null default '[]',
  suggested     jsonb,
  evidence      jsonb not null default '{}',
  occurred_at   timestamptz not null,
  due_at        timestamptz,
  first_seen_at timestamptz not null default now(),
  last_seen_at  timestamptz not null default now(),
  cleared_at    timestamptz,
  assignee      text,
  reason_code   text
);
comment on table postern.discrepancies is 'Items past their window and controls that failed: each once by its fingerprint, with what people did about it';
comment on column postern.discrepancies.in_proof is 'An open item; an observation (a control that failed without leaving an item open) is not in the proof';
comment on column postern.discrepancies.item is 'The role of the ledger account: processor_pending, processor_balance …';
comment on column postern.discrepancies.delta is 'Report − ledger, lines − payout, bank − payout, by hop; signed from the merchant''s side';
comment on column postern.discrepancies.evidence is 'Of an observation: the file, row, line or event that told it';
create index discrepancies_open on postern.discrepancies (class, id) where status not in ('resolved', 'auto_cleared', 'written_off');
create index discrepancies_account on postern.discrepancies (provider, account, id);

create table postern.discrepancy_history (
  discrepancy_id uuid not null references postern.discrepancies (id),
  no             integer not null,
  at             timestamptz not null default now(),
  actor          text not null,
  action         text not null,
  detail         jsonb not null default '{}',
  primary key (discrepancy_id, no)
);

create table postern.suggestions (
  id          uuid primary key,
  account_id  integer not null,
  currency    text not null,
  pass        text not null,
  score       real not null check (score > 0 and score <= 1),
  debit_reference   text not null collate "C",
  debit_component   text not null,
  credit_reference  text not null collate "C",
  credit_component  text not null,
  amount      bigint not null,
  why         jsonb not null,
  made_at     timestamptz not null default now(),
  unique (account_id, currency, debit_reference, debit_component, credit_reference, credit_component)
);
comment on table postern.suggestions is 'Allocations that somebody may agree to; never posted unasked';
create index suggestions_debit on postern.suggestions (account_id, debit_reference);
create index suggestions_credit on postern.suggestions (account_id, credit_reference);

grant select, insert, update, delete on postern.reconciling, postern.observed_imports, postern.reconciled_accounts, postern.residue, postern.residue_keys,
  postern.matches, postern.discrepancies, postern.discrepancy_history, postern.suggestions to postern_app;
