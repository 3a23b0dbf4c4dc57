-- release: 2
-- no transaction
-- What processors answered follows RETENTION_DAYS, and events that waited for an effect are woken after its posting.

alter table postern.fetched_objects add column if not exists sha256 bytea;
alter table postern.fetched_objects add column if not exists removed_at timestamptz;
comment on column postern.fetched_objects.sha256 is 'Of the body: stays when the body is removed, so that an archived copy can be proved. Null in rows of before, until their body goes';
comment on column postern.fetched_objects.removed_at is 'When the body was removed by RETENTION_DAYS';
create index concurrently if not exists fetched_objects_bodies on postern.fetched_objects (event_id) where body is not null;

create table if not exists postern.effects_awaited (
  id         bigint generated always as identity primary key,
  effect_key text not null collate "C"
);
comment on table postern.effects_awaited is 'Effects that were posted while events waited for them: written with the postings, gone when those events are back in the queue';
grant select, insert, update, delete on postern.effects_awaited to postern_app;
