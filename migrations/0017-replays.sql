-- release: 2
-- Events run again: one, or all that a filter means, in a lane of their own.

create table postern.replays (
  id          uuid primary key,
  event_id    uuid,
  filter      jsonb not null,
  dry_run     boolean not null default false,
  rate        integer not null check (rate > 0),
  reason      text not null,
  actor       text not null,
  status      text not null default 'running' check (status in ('running', 'paused', 'done', 'cancelled', 'failed')),
  note        text,
  cursor      uuid,
  holding     uuid[] not null default '{}',
  kills       smallint not null default 0,
  total       bigint,
  done        bigint not null default 0,
  posted      bigint not null default 0,
  unchanged   bigint not null default 0,
  deferred    bigint not null default 0,
  failed      bigint not null default 0,
  created_at  timestamptz not null default now(),
  finished_at timestamptz,
  constraint replays_finished check ((status in ('running', 'paused')) = (finished_at is null))
);
-- Written with each batch, some twenty times a second: beside the old version of the row there is room for the new one.
alter table postern.replays set (fillfactor = 30);
comment on table postern.replays is 'What was asked to be run again, by whom and why, and how far it is';
comment on column postern.replays.event_id is 'The one event that is meant; null: those that the filter means';
comment on column postern.replays.note is 'Why it stands still, or why it failed';
comment on column postern.replays.cursor is 'The last event that is through; written in the transaction of its postings, so that whoever goes on after a crash does nothing twice';
comment on column postern.replays.holding is 'What is about to be run, committed before: what a process that died had in hand is run one by one';
comment on column postern.replays.kills is 'How many processes died while they ran the event in hand alone';
comment on column postern.replays.total is 'Null until they are counted';
create index replays_unfinished on postern.replays (id) where status in ('running', 'paused');

create table postern.replay_events (
  replay_id uuid not null references postern.replays (id) on delete cascade,
  event_id  uuid not null,
  outcome   text not null check (outcome in ('posted', 'unchanged', 'deferred', 'failed')),
  before    jsonb not null,
  after     jsonb not null,
  primary key (replay_id, event_id)
);
comment on table postern.replay_events is 'What a replay changed, or, on a dry run, would change; events of which there is nothing to tell are only counted';

grant select, insert, update, delete on postern.replays, postern.replay_events to postern_app;
