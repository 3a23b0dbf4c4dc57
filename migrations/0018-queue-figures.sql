-- release: 2
-- Queues that a person pauses, what queue/stats tells of endpoints without reading a week of minutes, and the money of what waits.

create table postern.queue_controls (
  queue      text primary key check (queue in ('events', 'replay', 'fetch', 'settlements')),
  paused     boolean not null,
  reason     text,
  actor      text not null,
  changed_at timestamptz not null default now()
);
comment on table postern.queue_controls is 'Queues that somebody paused or resumed; one without a row was never paused. Every instance looks each second';

alter table postern.workers add column settings jsonb;
comment on column postern.workers.settings is 'What its process was started with, for whoever looks at the queue; null: a release that does not tell';

alter table postern.endpoint_minutes add column filled bigint not null default 0, add column heard_at timestamptz;
comment on column postern.endpoint_minutes.filled is 'Of accepted, what a backfill brought: it is no sign that the processor reaches us';
comment on column postern.endpoint_minutes.heard_at is 'When the last webhook of the minute came; null: none, or counted by a release that does not tell';

create table postern.endpoint_hours (
  endpoint_id        integer not null,
  hour               timestamptz not null,
  accepted           bigint not null default 0,
  duplicates         bigint not null default 0,
  conflicts          bigint not null default 0,
  rejected           bigint not null default 0,
  signature_failures bigint not null default 0,
  heard_at           timestamptz,
  gap_s              double precision,
  primary key (endpoint_id, hour)
);
comment on table postern.endpoint_hours is 'Sums of endpoint_minutes and rejected_minutes, made by housekeeping: derived, and made again from the minutes';
comment on column postern.endpoint_hours.gap_s is 'The longest silence that ended within the hour';

create table postern.queued_amounts (
  event_id uuid primary key,
  currency text,
  amount   bigint,
  check ((currency is null) = (amount is null))
);
comment on table postern.queued_amounts is 'What events that are queued for long tell, read ahead of their posting so that the money at risk is known; null: none could be read';

grant select, insert, update, delete on postern.queue_controls, postern.endpoint_hours, postern.queued_amounts to postern_app;
