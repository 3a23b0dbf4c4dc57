-- release: 2

alter table postern.events add column trace bytea;
comment on column postern.events.trace is 'Where its reception was traced: trace id (16 bytes), span id (8), flags (1); what works it goes on from there';
