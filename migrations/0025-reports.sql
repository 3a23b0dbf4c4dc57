-- release: 2
-- Reports that were made: when, by whom, of what, and what they found, so that the next one can tell what changed.

create table postern.report_runs (
  id         uuid primary key,
  report     text not null check (report in ('discrepancies', 'settlement')),
  selection  text not null,
  made_at    timestamptz not null,
  known_at   timestamptz not null,
  actor      text not null,
  previous   uuid,
  summary    jsonb not null,
  control    bytea
);
comment on table postern.report_runs is 'One row a report that was made; the same run gives the same bytes as long as what it tells of stands';
comment on column postern.report_runs.selection is 'What was asked for, as canonical JSON: runs of the same are compared with each other';
comment on column postern.report_runs.known_at is 'The server''s time of what it read: made again, its proof counts what was recorded by then';
comment on column postern.report_runs.previous is 'The run that it tells its changes from';
comment on column postern.report_runs.summary is 'Discrepancies that were open, by class and currency: count and sum of deltas';
comment on column postern.report_runs.control is 'SHA-256 of the document; null until it was made to its end';
create index report_runs_selection on postern.report_runs (report, selection, made_at desc, id desc);

create table postern.proof_days (
  account_id      integer not null,
  accounting_date date not null,
  currency        text not null,
  component       text not null,
  kind            text not null collate "C",
  is_debit        boolean not null,
  count           bigint not null,
  amount          numeric(38) not null,
  primary key (account_id, accounting_date, currency, component, kind, is_debit)
);
comment on table postern.proof_days is 'What a day moved, by kind, as a report read it from postings: used again only where it comes to what balance_days says of that day';

grant select, insert, update, delete on postern.report_runs, postern.proof_days to postern_app;
