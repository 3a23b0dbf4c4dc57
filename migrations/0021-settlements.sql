-- release: 2
-- Settlement reports and bank statements: what the processors and the banks say, line by line, beside what was announced.

create table postern.settlements (
  id                  uuid primary key,
  provider            text not null collate "C",
  account             text not null collate "C",
  endpoint_id         integer not null,
  format              text not null,
  moves_money         boolean not null,
  mode                text not null check (mode in ('payout', 'batch', 'balance')),
  status              text not null default 'importing' check (status in ('waiting', 'importing', 'imported', 'failed', 'amended')),
  file_name           text,
  sha256              bytea,
  bytes               bigint not null default 0,
  bytes_read          bigint not null default 0,
  lines               bigint not null default 0,
  lines_new           bigint not null default 0,
  part_key            text,
  fault_count         integer not null default 0,
  accepted_difference text,
  supersedes          uuid,
  actor               text not null,
  note                text,
  repeated            integer not null default 0,
  created_at          timestamptz not null default now(),
  finished_at         timestamptz
);
comment on table postern.settlements is 'Reports of processors: a file, or a group of files that are one report';
comment on column postern.settlements.moves_money is 'False: a control, whose lines are kept and checked and never posted';
comment on column postern.settlements.sha256 is 'Of the bytes, in the order of the parts: the same again is the same import';
comment on column postern.settlements.lines_new is 'Those that no earlier file of the account had brought';
comment on column postern.settlements.part_key is 'What the files of one report have in common, while the last of them is waited for';
comment on column postern.settlements.accepted_difference is 'Why finance took it although it contradicts itself';
comment on column postern.settlements.repeated is 'How often the same bytes were handed in again, which changed nothing';
comment on column postern.settlements.note is 'Why it failed as a whole, where no row of it is to blame; or which files it waits for';
comment on column postern.settlements.supersedes is 'The earlier version of the same batches: its status is amended';
create unique index settlements_file on postern.settlements (provider, account, sha256) where status in ('imported', 'amended');
create index settlements_account on postern.settlements (provider, account, id);
create index settlements_importing on postern.settlements (id) where status = 'importing';
create index settlements_part on postern.settlements (provider, account, part_key) where status = 'waiting';

create table postern.settlement_parts (
  settlement_id uuid not null references postern.settlements (id) on delete cascade,
  part          integer not null,
  chunk         integer not null,
  file_name     text,
  is_last       boolean not null,
  bytes         bytea not null,
  primary key (settlement_id, part, chunk)
);
comment on table postern.settlement_parts is 'Files of a report that waits for its last one; removed with its import';

create table postern.settlement_faults (
  settlement_id uuid not null references postern.settlements (id) on delete cascade,
  no            integer not null,
  kind          text not null check (kind in ('unreadable', 'contradiction')),
  row_no        bigint,
  field         text,
  value         text,
  reason        text not null,
  batch         text,
  expected      text,
  found         text,
  primary key (settlement_id, no)
);

create table postern.settlement_batches (
  settlement_id uuid not null references postern.settlements (id) on delete cascade,
  batch         text not null collate "C",
  currency      text not null,
  lines         bigint not null,
  gross         numeric(38) not null,
  fee           numeric(38) not null,
  tax           numeric(38) not null,
  net           numeric(38) not null,
  payout        numeric(38) not null,
  opening       numeric(38) not null,
  closing       numeric(38) not null,
  is_stated     boolean not null,
  series        text,
  sequence      text,
  first_at      timestamptz,
  last_at       timestamptz,
  primary key (settlement_id, batch, currency)
);
comment on table postern.settlement_batches is 'Gross to net run over every line but payouts, payout reversals and carry-forwards; those are payout';
comment on column postern.settlement_batches.is_stated is 'Opening and closing are the report''s own; else they follow from its lines, and prove nothing';
comment on column postern.settlement_batches.sequence is 'Its number or day in its series: one left out is a missing file';
create index settlement_batches_batch on postern.settlement_batches (batch, currency);

create table postern.settlement_lines (
  id             uuid primary key,
  settlement_id  uuid not null,
  row_no         bigint not null,
  provider       text not null collate "C",
  account        text not null collate "C",
  moves_money    boolean not null,
  identity       text not null collate "C",
  version        smallint not null default 1,
  kind           text not null,
  word           text,
  batch          text not null collate "C",
  reference      text collate "C",
  component      text,
  currency       text not null,
  gross          bigint not null,
  fee            bigint not null,
  tax            bigint not null,
  net            bigint not null,
  other_amount   bigint,
  other_currency text,
  carry_from     text,
  carry_to       text,
  booked_at      timestamptz not null,
  zone           text not null,
  occurred_at    timestamptz,
  available_at   timestamptz,
  key_source     text collate "C",
  key_payment    text collate "C",
  key_merchant   text collate "C",
  key_bank       text collate "C",
  fx_rate        text,
  residue        numeric,
  payment_method text,
  raw            text not null,
  removed_by     uuid
);
comment on table postern.settlement_lines is 'Each line once, whichever files brought it; append-only but for removed_by, and a batch that was not named yet';
comment on column postern.settlement_lines.version is 'Counts up where an amended report told the line otherwise';
comment on column postern.settlement_lines.reference is 'Payment, refund, dispute, transfer, fee, hold or payout, as ledger.md names items';
comment on column postern.settlement_lines.other_amount is 'What the payer paid, or what arrives at the bank, in another currency';
comment on column postern.settlement_lines.residue is 'What rounding to minor units left over';
comment on column postern.settlement_lines.removed_by is 'The amended report that no longer has it, or has it otherwise';
create unique index settlement_lines_identity on postern.settlement_lines (provider, account, identity, version) where moves_money;
create index settlement_lines_settlement on postern.settlement_lines (settlement_id, row_no);
create index settlement_lines_reference on postern.settlement_lines (reference) where reference is not null;

-- Lines on their way in. One table a file: it is dropped as a whole, and no import leaves dead rows to another. Unlogged: a
-- server that crashes loses imports that were not finished anyway. Times are unix ms, which are cheap to copy in.
create unlogged table postern.staged_lines (
  id             uuid not null,
  row_no         bigint not null,
  identity       text not null collate "C",
  kind           text not null,
  word           text,
  batch          text not null collate "C",
  reference      text collate "C",
  component      text,
  currency       text not null,
  gross          bigint not null,
  fee            bigint not null,
  tax            bigint not null,
  net            bigint not null,
  other_amount   bigint,
  other_currency text,
  carry_from     text,
  carry_to       text,
  booked_at      bigint not null,
  zone           text not null,
  occurred_at    bigint,
  available_at   bigint,
  key_source     text collate "C",
  key_payment    text collate "C",
  key_merchant   text collate "C",
  key_bank       text collate "C",
  fx_rate        text,
  residue        numeric,
  payment_method text,
  raw            text not null,
  action         text,
  old_id         uuid,
  version        smallint not null default 1
);
comment on table postern.staged_lines is 'Stays empty: the form of staged_{id of the settlement}';
comment on column postern.staged_lines.action is 'Null: new. same, again, moved or changed: known before as old_id';

create function postern.open_staging(settlement uuid) returns text
language plpgsql security definer set search_path = pg_catalog, postern as $$
declare
  name text := 'staged_' || replace(settlement::text, '-', '');
begin
  execute format('create unlogged table postern.%I (like postern.staged_lines including defaults)', name);
  execute format('alter table postern.%I set (autovacuum_enabled = off)', name);
  execute format('grant select, insert, update, delete on postern.%I to postern_app', name);
  return name;
end
$$;

-- Only its owner may: without it the planner takes a million lines for ten.
create function postern.analyze_staging(settlement uuid) returns void
language plpgsql security definer set search_path = pg_catalog, postern as $$
begin
  execute format('analyze postern.%I', 'staged_' || replace(settlement::text, '-', ''));
end
$$;

create function postern.drop_staging(settlement uuid) returns void
language plpgsql security definer set search_path = pg_catalog, postern as $$
begin
  execute format('drop table if exists postern.%I', 'staged_' || replace(settlement::text, '-', ''));
end
$$;
revoke all on function postern.open_staging, postern.analyze_staging, postern.drop_staging from public;
grant execute on function postern.open_staging, postern.analyze_staging, postern.drop_staging to postern_app;

create table postern.bank_statements (
  id           uuid primary key,
  format       text not null,
  status       text not null default 'importing' check (status in ('importing', 'imported', 'failed')),
  file_name    text,
  sha256       bytea,
  bytes        bigint not null default 0,
  statements   integer not null default 0,
  entries      bigint not null default 0,
  entries_new  bigint not null default 0,
  fault_count  integer not null default 0,
  faults       jsonb not null default '[]',
  totals       jsonb not null default '[]',
  actor        text not null,
  created_at   timestamptz not null default now(),
  finished_at  timestamptz
);
comment on table postern.bank_statements is 'Files of bank statements; totals holds a row for each statement in it';
create unique index bank_statements_file on postern.bank_statements (sha256) where status = 'imported';

create table postern.bank_lines (
  id                   uuid primary key,
  bank_statement_id    uuid not null references postern.bank_statements (id),
  row_no               bigint not null,
  bank_account         text not null collate "C",
  statement            text not null,
  identity             text not null collate "C",
  amount               bigint not null,
  currency             text not null,
  booked_at            timestamptz not null,
  value_at             timestamptz,
  zone                 text not null,
  refs                 text[] not null default '{}',
  counterparty_name    text,
  counterparty_account text,
  text                 text not null,
  is_reversal          boolean not null,
  raw                  text not null,
  provider             text,
  account              text,
  reference            text,
  unique (bank_account, identity)
);
comment on table postern.bank_lines is 'Booked entries, each once. Those that are no processor''s are kept, counted and not posted';
comment on column postern.bank_lines.provider is 'With account: whose it is, by a payout it names or the account''s bank pattern; then it is posted';
comment on column postern.bank_lines.reference is 'What it was posted under in bank_in_transit: its payout, or its own identity until a match says which';
create index bank_lines_unposted on postern.bank_lines (booked_at) where provider is null;

grant select, insert, update, delete on postern.settlements, postern.settlement_parts, postern.settlement_faults,
  postern.settlement_batches, postern.settlement_lines, postern.bank_statements, postern.bank_lines to postern_app;
