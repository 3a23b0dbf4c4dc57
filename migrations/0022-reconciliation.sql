-- release: 2
-- What does not net to zero, by whom it is worked, and how far the books were looked through for it.

create table postern.reconciling (
  only_row boolean primary key default true check (only_row),
  xact     xid8 not null,
  id       uuid not null,
  looked_at timestamptz
);
comment on table postern.reconciling is 'One row: up to which transaction, in the order of commits, items were looked at';
insert into postern.reconciling (xact, id) values ('0', '00000000-0000-0000-0000-000000000000');

create table postern.residue (
  account_id integer not null,
  reference  text not null collate "C",
  component  text not null,
  currency   text not null,
  amount     bigint not null,
  opened_at  timestamptz not null,
  moved_at   timestamptz not null,
  due_at     timestamptz not null,
  class      text,
  discrepancy_id uuid,
  primary key (account_id, reference, component, currency)
);
comment on table postern.residue is 'Derived from open_items, seconds behind: those that are not zero. One without a class is in transit or informational';
comment on column postern.residue.opened_at is 'When the first of its legs was effective';
comment on column postern.residue.moved_at is 'When the last of its legs was effective';
comment on column postern.residue.due_at is 'When its window ends: one that is open then is looked at again';
create index residue_due on postern.residue (due_at);
create index residue_reference on postern.residue (reference);

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
comment on column postern.discrepancies.delta is 'Report − ledger, lines − payout, bank − payout, by hop; signed from the merchant''s side';
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

grant select, insert, update, delete on postern.reconciling, postern.residue, postern.discrepancies,
  postern.discrepancy_history, postern.suggestions to postern_app;
