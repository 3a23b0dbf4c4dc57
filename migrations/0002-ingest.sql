-- Deliveries (raw bytes, by day) and events (one small unpartitioned table: a unique index on a partitioned table would
-- have to contain the partition key, and then no longer deduplicate).

create table postern.deliveries (
  id          uuid not null,
  received_at timestamptz not null,
  endpoint_id integer not null,
  method      text not null,
  path        text not null,
  source_ip   text not null,
  headers     text not null,
  body        bytea not null,
  level       text not null,
  secret_id   uuid,
  primary key (id, received_at)
) partition by range (received_at);
alter table postern.deliveries alter column body set storage external;
comment on column postern.deliveries.id is 'UUIDv7 whose millisecond is received_at, so that an id alone finds its partition';
comment on column postern.deliveries.headers is 'JSON [[name, value], …]; values of secret headers as hmac-sha256:…';

create table postern.events (
  id                uuid primary key,
  delivery_id       uuid not null,
  received_at       timestamptz not null,
  endpoint_id       integer not null,
  item              smallint not null,
  event_id          text not null collate "C",
  variant           bytea not null default '',
  body_sha256       bytea not null,
  transmission_id   text collate "C",
  type              text not null,
  api_version       text,
  live              boolean,
  account           text not null,
  occurred_at       timestamptz,
  status            text not null default 'queued' check (status in ('queued', 'posted', 'no_effect', 'deferred', 'dead')),
  job_id            uuid,
  attempts          smallint not null default 0,
  kills             smallint not null default 0,
  next_attempt_at   timestamptz,
  reason            text,
  error_code        text,
  error_message     text,
  waiting_for       text check (waiting_for in ('adapter', 'api_key', 'currency', 'object', 'retry_at')),
  waiting_key       text collate "C",
  until             timestamptz,
  posted_at         timestamptz,
  duplicates        integer not null default 0,
  last_duplicate_at timestamptz,
  conflict          boolean not null default false
);
comment on column postern.events.event_id is 'The provider''s id of the event: deduplicates deliveries, per endpoint';
comment on column postern.events.variant is 'Empty; or the content fingerprint, where the id is unsigned or the content conflicts with a signed id seen before';
comment on column postern.events.transmission_id is 'A second id that must not return with another body (PayPal)';
comment on column postern.events.job_id is 'The pg-boss job that will work it: a new id for every enqueue';
comment on column postern.events.waiting_key is 'The effect key a deferred event waits for; posting it wakes the event';
comment on column postern.events.kills is 'How many workers died while they ran this event alone';
comment on column postern.events.next_attempt_at is 'Null: due at once';

create unique index events_identity on postern.events (endpoint_id, event_id, variant);
create unique index events_transmission on postern.events (endpoint_id, transmission_id) where transmission_id is not null and not conflict;
create index events_queued on postern.events (coalesce(next_attempt_at, received_at)) where status = 'queued';
create index events_deferred on postern.events (until) where status = 'deferred';
create index events_waiting on postern.events (waiting_key) where status = 'deferred' and waiting_key is not null;
create index events_dead on postern.events (endpoint_id, type) where status = 'dead';
alter table postern.events set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

create table postern.event_references (
  event_id uuid not null,
  kind     text not null,
  value    text not null collate "C",
  primary key (event_id, kind, value)
);
create index event_references_value on postern.event_references (value, kind);
comment on table postern.event_references is 'What an event is about (payment, order, payout …), for search; written by the worker, not on the way to the acknowledgement';

create table postern.duplicate_deliveries (
  event_id    uuid not null,
  delivery_id uuid not null,
  primary key (event_id, delivery_id)
);
comment on table postern.duplicate_deliveries is 'The first deliveries that brought a known event again in other bytes; equal bytes are only counted';

create table postern.event_amounts (
  event_id uuid primary key,
  currency text not null,
  amount   bigint not null
);
comment on table postern.event_amounts is 'Money of events that are not finished (deferred, dead): the amount at risk';

create table postern.endpoint_minutes (
  writer      uuid not null,
  endpoint_id integer not null,
  minute      timestamptz not null,
  accepted    bigint not null default 0,
  duplicates  bigint not null default 0,
  conflicts   bigint not null default 0,
  rejected    bigint not null default 0,
  finished    bigint not null default 0,
  primary key (minute, endpoint_id, writer)
);
comment on table postern.endpoint_minutes is 'Counts a minute, each written in the transaction of what it counts; one row a writer, so that writers never wait for each other';

create table postern.workers (
  id         bigint generated always as identity primary key,
  started_at timestamptz not null default now(),
  holding    uuid[] not null default '{}'
);
comment on table postern.workers is 'Which events a worker is about to run, committed before it runs them. The worker holds the advisory lock of its id: a row whose lock is free belongs to a dead worker';

-- Partitions are attached, never made "partition of": that would lock the parent against every insert.
create function postern.ensure_delivery_partitions(days_ahead integer, today date default (now() at time zone 'utc')::date) returns integer
language plpgsql security definer set search_path = pg_catalog, postern as $$
declare
  day  date;
  name text;
  made integer := 0;
begin
  for day in select generate_series(today - 1, today + days_ahead, interval '1 day')::date loop
    name := 'deliveries_' || to_char(day, 'YYYYMMDD');
    if to_regclass('postern.' || name) is null then
      execute format('create table postern.%I (like postern.deliveries including defaults including storage including constraints)', name);
      execute format('alter table postern.%I set (toast_tuple_target = 8160)', name);
      execute format('alter table postern.%I add primary key (id, received_at)', name);
      execute format('alter table postern.%I add constraint %I check (received_at >= %L and received_at < %L)',
        name, name || '_day', day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
      execute format('alter table postern.deliveries attach partition postern.%I for values from (%L) to (%L)',
        name, day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
      execute format('grant select, insert on postern.%I to postern_app', name);
      made := made + 1;
    end if;
  end loop;
  return made;
end
$$;
revoke all on function postern.ensure_delivery_partitions from public;
grant execute on function postern.ensure_delivery_partitions to postern_app;

select postern.ensure_delivery_partitions(14);

grant select, insert on postern.deliveries to postern_app;
grant select, insert, update, delete on postern.events, postern.event_references, postern.duplicate_deliveries, postern.event_amounts,
  postern.endpoint_minutes, postern.workers to postern_app;
