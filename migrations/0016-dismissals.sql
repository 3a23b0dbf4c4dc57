-- release: 2
-- What became of events that could not be worked, attempt by attempt, and dead letters that a person puts away.

create table postern.event_history (
  id            bigint generated always as identity primary key,
  event_id      uuid not null,
  at            timestamptz not null default now(),
  what          text not null check (what in ('failed', 'died', 'dismissed')),
  attempt       smallint,
  error_code    text,
  error_message text,
  actor         text,
  reason        text,
  dismissal_id  uuid
);
create index event_history_event on postern.event_history (event_id, id);
comment on table postern.event_history is 'Attempts that failed (failed: tried again; died: the last), and dismissals. What goes well leaves nothing here. Goes with its event';
comment on column postern.event_history.dismissal_id is 'The dismissal of many that it was part of; null: dismissed by itself';

create table postern.dismissals (
  id          uuid primary key,
  filter      jsonb not null,
  reason      text not null,
  actor       text not null,
  status      text not null default 'running' check (status in ('running', 'done', 'failed', 'cancelled')),
  until_at    timestamptz not null,
  created_at  timestamptz not null default now(),
  finished_at timestamptz,
  total       bigint not null,
  looked_at   bigint not null default 0,
  dismissed   bigint not null default 0,
  beyond      uuid,
  due_at      timestamptz not null default now(),
  attempts    smallint not null default 0,
  error       text,
  constraint dismissals_ended check ((status = 'running') = (finished_at is null))
);
create index dismissals_due on postern.dismissals (due_at) where status = 'running';
comment on table postern.dismissals is 'Dead letters that a person puts away, many at once: worked a batch at a time, under this row''s lock';
comment on column postern.dismissals.until_at is 'What was received, or died (created_at), later is not meant: nobody had seen it';
comment on column postern.dismissals.total is 'How many it meant when it was asked for';
comment on column postern.dismissals.looked_at is 'How many events it came past, dismissed or not';
comment on column postern.dismissals.beyond is 'The last event it came past';

grant select, insert, update, delete on postern.event_history, postern.dismissals to postern_app;
