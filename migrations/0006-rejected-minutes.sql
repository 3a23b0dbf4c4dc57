-- release: 2
-- Why requests were refused, by endpoint and minute: endpoint_minutes has their sum only.

create table postern.rejected_minutes (
  writer      uuid not null,
  endpoint_id integer not null,
  reason      text not null collate "C",
  minute      timestamptz not null,
  requests    bigint not null,
  primary key (minute, endpoint_id, reason, writer)
);
comment on table postern.rejected_minutes is 'Refused requests a minute by reason, counted in memory and written within a second; one row a writer, so that writers never wait for each other';

grant select, insert, update, delete on postern.rejected_minutes to postern_app;
