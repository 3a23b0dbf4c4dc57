-- release: 2
-- no transaction

create index concurrently if not exists events_parked on postern.events (endpoint_id, waiting_for, waiting_key) where status = 'deferred';
