-- release: 2
-- Asking processors what they sent or did, and taking in what is missing.

create table postern.backfills (
  id          uuid primary key,
  endpoint_id integer not null references postern.endpoints (id) on delete cascade,
  from_at     timestamptz not null,
  to_at       timestamptz not null check (to_at > from_at),
  dry_run     boolean not null default false,
  scheduled   boolean not null default false,
  actor       text not null,
  status      text not null default 'queued' check (status in ('queued', 'running', 'done', 'failed', 'cancelled')),
  cursor      text,
  lease       uuid,
  due_at      timestamptz not null default now(),
  attempts    smallint not null default 0,
  pages       integer not null default 0,
  issued      bigint not null default 0,
  received    bigint not null default 0,
  posted      bigint not null default 0,
  missing     bigint not null default 0,
  filled      bigint not null default 0,
  gaps        bigint not null default 0,
  conflicts   bigint not null default 0,
  error       text,
  created_at  timestamptz not null default now(),
  finished_at timestamptz
);
comment on column postern.backfills.cursor is 'The page that is asked for next; written with the counts of the pages before it';
comment on column postern.backfills.lease is 'Who works on it. While it is worked on due_at lies in the future: a process that dies gives it back by that';
comment on column postern.backfills.posted is 'Of what was received before, what was posted when its page was compared; the others stand in backfill_events';
comment on column postern.backfills.gaps is 'Missing events of money that the processor''s webhook should have brought long ago';
create index backfills_due on postern.backfills (due_at) where status in ('queued', 'running');
create index backfills_endpoint on postern.backfills (endpoint_id, id);
create unique index backfills_scheduled on postern.backfills (endpoint_id) where scheduled and status in ('queued', 'running');

create table postern.backfill_events (
  backfill_id uuid not null references postern.backfills (id) on delete cascade,
  event_id    text not null collate "C",
  outcome     text not null check (outcome in ('missing', 'filled', 'conflict', 'unfinished')),
  type        text not null,
  occurred_at timestamptz,
  event       uuid,
  primary key (backfill_id, event_id)
);
comment on table postern.backfill_events is 'What a backfill found worth telling: what was missing, what contradicts, and what was not posted yet';
comment on column postern.backfill_events.event is 'Our event, where there is one: its state is read when the report is';

create table postern.backfill_schedules (
  endpoint_id   integer primary key references postern.endpoints (id) on delete cascade,
  compared_to   timestamptz not null,
  next_at       timestamptz not null,
  last_done_at  timestamptz,
  last_gaps     bigint,
  last_error    text
);
comment on column postern.backfill_schedules.compared_to is 'Until when everything was compared; the next run begins a while before it';

grant select, insert, update, delete on postern.backfills, postern.backfill_events, postern.backfill_schedules to postern_app;
