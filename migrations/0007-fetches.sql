-- release: 2
-- Objects that must be fetched from the processor before an event may post: hints and tokens prove no amounts, and some
-- events name ids only.

create table postern.fetches (
  event_id     uuid primary key,
  endpoint_id  integer not null,
  kind         text not null,
  object_id    text not null,
  due_at       timestamptz not null,
  leased_until timestamptz,
  attempts     smallint not null default 0,
  missed       smallint not null default 0,
  ordered_at   timestamptz not null default now()
);
comment on table postern.fetches is 'Events that wait for an object of the processor: which, and when it is asked for next';
comment on column postern.fetches.leased_until is 'A fetcher has it in hand until then: one that dies gives it back by that';
comment on column postern.fetches.missed is 'How often the processor said that there is no such object; attempts count outages and waits too';
create index fetches_due on postern.fetches (due_at);
create index fetches_endpoint on postern.fetches (endpoint_id, due_at);

create table postern.fetched_objects (
  event_id   uuid primary key,
  kind       text not null,
  object_id  text not null,
  outcome    text not null check (outcome in ('found', 'missing', 'refused')),
  detail     text,
  body       bytea,
  fetched_at timestamptz not null default now()
);
comment on table postern.fetched_objects is 'What the processor answered about an event''s object: evidence of what was posted, kept with the event';

create index fetched_objects_at on postern.fetched_objects (fetched_at);

grant select, insert, update, delete on postern.fetches, postern.fetched_objects to postern_app;
