-- What every other part stands on: the schema, the database's own identity, endpoints with their secrets, API tokens,
-- the audit log, and the rows by which instances and housekeeping know of each other.
-- Runs as postern_owner inside one transaction; the roles exist already (src/postgres/roles.ts).

create table postern.database (
  only_row          boolean primary key default true check (only_row),
  system_identifier text not null,
  encryption_key_id text,
  encryption_check  bytea,
  created_at        timestamptz not null default now()
);
comment on table postern.database is 'One row: which server this is (a restore or move shows), and which key encrypts its secrets';
comment on column postern.database.encryption_check is 'A known text sealed with the key, so that a wrong key is found at start';

create table postern.endpoints (
  id         integer generated always as identity primary key,
  provider   text not null,
  name       text not null,
  account    text not null,
  settings   jsonb not null default '{}',
  sealed     bytea,
  disabled   boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider, name)
);
comment on column postern.endpoints.account is 'The processor account in effect keys and ledger paths; several endpoints may share one';
comment on column postern.endpoints.sealed is 'Settings that are credentials (API keys), encrypted';

create table postern.endpoint_secrets (
  id           uuid primary key,
  endpoint_id  integer not null references postern.endpoints (id) on delete cascade,
  sealed       bytea not null,
  not_before   timestamptz,
  not_after    timestamptz,
  uses         bigint not null default 0,
  last_used_at timestamptz,
  created_at   timestamptz not null default now()
);
create index endpoint_secrets_endpoint on postern.endpoint_secrets (endpoint_id);
comment on column postern.endpoint_secrets.uses is 'Requests this secret verified; written in groups, so a crash may lose the last second';

create table postern.certificates (
  url        text primary key,
  pem        text not null,
  fetched_at timestamptz not null,
  expires_at timestamptz not null
);
comment on table postern.certificates is 'Signing certificates by the URL the processor names; loaded at start, so that an outage of theirs is none of ours';

create table postern.tokens (
  id           text primary key,
  name         text not null,
  roles        text[] not null,
  secret_hash  bytea not null,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  created_at   timestamptz not null default now()
);
comment on column postern.tokens.secret_hash is 'SHA-256 of the whole token; the token itself is shown once and not kept';

create table postern.audit_log (
  id      bigint generated always as identity primary key,
  at      timestamptz not null default now(),
  actor   text not null,
  action  text not null,
  subject text not null,
  reason  text,
  details jsonb
);
comment on table postern.audit_log is 'Every action that changes something: who, what, why, when';

create table postern.housekeeping_runs (
  name        text primary key,
  last_run_at timestamptz not null,
  last_error  text
);

grant usage on schema postern to postern_app;
grant select, insert, update on postern.database to postern_app;
grant select, insert, update, delete on postern.endpoints, postern.endpoint_secrets, postern.certificates,
  postern.tokens, postern.housekeeping_runs to postern_app;
grant select, insert on postern.audit_log to postern_app;
