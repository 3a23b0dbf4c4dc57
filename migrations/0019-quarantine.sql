-- release: 2
-- Refused requests that look like the processor's, kept to be verified again once a secret was mended.

create table postern.quarantine (
  id          uuid primary key,
  endpoint_id integer not null references postern.endpoints (id) on delete cascade,
  received_at timestamptz not null,
  reason      text not null collate "C",
  detail      text not null,
  method      text not null,
  origin      text not null,
  path        text not null,
  source_ip   text not null,
  headers     text not null,
  body        bytea not null,
  bytes       integer not null
);
alter table postern.quarantine alter column body set storage external;
create index quarantine_endpoint on postern.quarantine (endpoint_id, id);
create index quarantine_kind on postern.quarantine (endpoint_id, reason, received_at);
comment on table postern.quarantine is 'Requests that did not verify: nothing here is authentic. At most 10,000 rows, 200 MiB and 7 days an endpoint';
comment on column postern.quarantine.id is 'UUIDv7 whose millisecond is received_at';
comment on column postern.quarantine.origin is 'Scheme and host as the processor called them: some sign the whole URL';
comment on column postern.quarantine.headers is 'JSON [[name, value], …]; values of secret headers as hmac-sha256:…';
comment on column postern.quarantine.bytes is 'Of body and headers: what counts against the cap';

create table postern.quarantine_kinds (
  endpoint_id integer not null references postern.endpoints (id) on delete cascade,
  reason      text not null collate "C",
  hour        timestamptz not null,
  seen        bigint not null default 0,
  kept_every  integer not null default 1,
  held        integer not null default 0,
  bytes       bigint not null default 0,
  primary key (endpoint_id, reason, hour)
);
comment on table postern.quarantine_kinds is 'How densely requests of one endpoint, reason and hour are kept, so that a flood of one kind cannot push out another';
comment on column postern.quarantine_kinds.seen is 'How many came to the writer, kept or not';
comment on column postern.quarantine_kinds.kept_every is 'Every so many-th is kept; doubled each time this kind had to make room';
comment on column postern.quarantine_kinds.held is 'Rows of this kind, and bytes their sum: written by whoever adds or takes rows, under the endpoint''s advisory lock, because counting ten thousand rows for each batch would cost more than writing it';

grant select, insert, update, delete on postern.quarantine, postern.quarantine_kinds to postern_app;
