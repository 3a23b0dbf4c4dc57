-- release: 2

-- What services ask of the ledger, each once under the key its caller chose; and what a reconciliation of an account found.

create table postern.requests (
  id              uuid primary key,
  idempotency_key text not null collate "C",
  content         bytea not null,
  kind            text not null check (kind in ('transfer', 'refund')),
  source          text not null,
  destination     text not null,
  currency        text not null check (currency ~ '^[A-Z]{3}$'),
  amount          bigint check (amount > 0),
  refunds         uuid,
  status          text not null check (status in ('processing', 'completed', 'failed')),
  error_code      text,
  error_message   text,
  transaction_id  uuid,
  refunded        bigint not null default 0,
  actor           text not null,
  created_at      timestamptz not null default now(),
  constraint requests_refund check ((kind = 'refund') = (refunds is not null)),
  constraint requests_refunded check (refunded >= 0 and refunded <= coalesce(amount, 0)),
  constraint requests_ended check (
    case status
      when 'completed' then transaction_id is not null and amount is not null and error_code is null
      when 'failed' then transaction_id is null and error_code is not null
      else error_code is null
    end
  )
);
create unique index requests_idempotency_key on postern.requests (idempotency_key);
create unique index requests_transaction on postern.requests (transaction_id) where transaction_id is not null;
create index requests_refunds on postern.requests (refunds) where refunds is not null;
-- A row is written as processing and ends in the same database transaction: room for the second version beside the first.
alter table postern.requests set (fillfactor = 70);
comment on table postern.requests is 'Transfers and refunds that services asked for; kept as long as the money they moved: for ever';
comment on column postern.requests.id is 'The message id: transactions.source_request';
comment on column postern.requests.content is 'Hash of what was asked: the same under a key is a repetition, another a conflict';
comment on column postern.requests.amount is 'Minor units; null: a refund of all that is left, which was refused';
comment on column postern.requests.refunds is 'The transaction that a refund gives back';
comment on column postern.requests.transaction_id is 'What it posted; chosen when it is written, taken away when it fails';
comment on column postern.requests.refunded is 'How much of what it posted was given back: never more than all';
comment on column postern.requests.actor is 'token:{id}';

create table postern.account_reconciliations (
  id          uuid primary key,
  account_id  integer not null,
  actor       text not null,
  status      text not null default 'running' check (status in ('running', 'done', 'failed')),
  started_at  timestamptz not null default now(),
  ended_at    timestamptz,
  postings    bigint not null default 0,
  open_items  bigint not null default 0,
  differences bigint not null default 0,
  error       text,
  constraint account_reconciliations_ended check ((status = 'running') = (ended_at is null))
);
create index account_reconciliations_account on postern.account_reconciliations (account_id, id);
create unique index account_reconciliations_running on postern.account_reconciliations (account_id) where status = 'running';
comment on table postern.account_reconciliations is 'Comparisons of what is kept of an account with what its postings come to; one at a time';

create table postern.account_differences (
  reconciliation_id uuid not null,
  line              integer not null,
  currency          text not null,
  reference         text,
  component         text,
  kept              numeric(38) not null,
  recomputed        numeric(38) not null,
  primary key (reconciliation_id, line)
);
comment on table postern.account_differences is 'Each balance compared, equal or not, and each open item that differs';

grant select, insert, update on postern.requests, postern.account_reconciliations to postern_app;
grant select, insert, delete on postern.account_differences to postern_app;
