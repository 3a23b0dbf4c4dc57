-- release: 2
-- Retention: old days of deliveries are removed, and what somebody still needs of them is kept apart.

create table postern.deliveries_kept (
  like postern.deliveries including defaults including storage including constraints including comments,
  primary key (id, received_at)
) with (toast_tuple_target = 8160);
comment on table postern.deliveries_kept is 'Deliveries that outlive their day: of events that wait, are dead, or are in a conflict. Same columns as deliveries: a column added there is added here';

create table postern.removed_days (
  day          date primary key,
  begun_at     timestamptz not null default now(),
  removed_at   timestamptz,
  kept         bigint not null default 0,
  looked_at    uuid,
  forgotten    bigint not null default 0,
  forgotten_at timestamptz
);
comment on table postern.removed_days is 'Days whose deliveries are being removed, or are. Noted before the first step: a table that left the partitions is dropped only if its day stands here';
comment on column postern.removed_days.kept is 'How many of its deliveries were in deliveries_kept when the rest was dropped';
comment on column postern.removed_days.looked_at is 'How far event rows of the day were looked at for being forgotten';
comment on column postern.removed_days.forgotten_at is 'When the last event row of the day was looked at; null: not yet';

alter table postern.housekeeping_runs add column last_success_at timestamptz;
comment on column postern.housekeeping_runs.last_success_at is 'The last run without an error: how late a task is counts from here';

alter table postern.endpoint_minutes add column forgotten bigint not null default 0;
comment on column postern.endpoint_minutes.forgotten is 'Accepted items whose event row was forgotten: accepted = events + duplicates + forgotten';

grant select on postern.deliveries_kept to postern_app;
grant select, update on postern.removed_days to postern_app;
