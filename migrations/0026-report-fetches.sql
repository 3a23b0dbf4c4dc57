-- release: 2
-- Settlement reports that are fetched from processors: which, why, and what became of each.

create table postern.report_fetches (
  id            uuid primary key,
  endpoint_id   integer not null references postern.endpoints (id) on delete cascade,
  parent        uuid references postern.report_fetches (id) on delete cascade,
  report        text collate "C",
  from_at       timestamptz,
  to_at         timestamptz,
  origin        text not null check (origin in ('asked', 'schedule', 'webhook')),
  status        text not null default 'queued' check (status in ('queued', 'running', 'done', 'failed')),
  due_at        timestamptz not null default now(),
  attempts      integer not null default 0,
  found         integer,
  settlement_id uuid,
  detail        text,
  actor         text not null,
  created_at    timestamptz not null default now(),
  finished_at   timestamptz,
  check ((report is null) = (from_at is not null and to_at is not null))
);
comment on table postern.report_fetches is 'Orders to fetch reports: of a range of time, which becomes an order a report, or of one';
comment on column postern.report_fetches.report is 'As its provider names it; null: all that belong into the range';
comment on column postern.report_fetches.due_at is 'While it runs, the end of its lease: whoever dies with it gives it back';
comment on column postern.report_fetches.found is 'Reports in the range';
create unique index report_fetches_waiting on postern.report_fetches (endpoint_id, report)
  where report is not null and status in ('queued', 'running');
create index report_fetches_due on postern.report_fetches (due_at) where status in ('queued', 'running');
create index report_fetches_done on postern.report_fetches (endpoint_id, report) where status = 'done' and report is not null;
create index report_fetches_parent on postern.report_fetches (parent) where parent is not null;

create table postern.report_schedules (
  endpoint_id integer primary key references postern.endpoints (id) on delete cascade,
  fetched_to  timestamptz not null,
  next_at     timestamptz not null
);
comment on table postern.report_schedules is 'Up to when the reports of an endpoint were listed, and when they are listed again';

grant select, insert, update, delete on postern.report_fetches, postern.report_schedules to postern_app;
