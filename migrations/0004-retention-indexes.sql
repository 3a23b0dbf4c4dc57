-- release: 2
-- no transaction
-- What retention looks things up by. Both are small: conflicts are rare, and equal bytes are only counted.
create index concurrently if not exists events_conflicts on postern.events (endpoint_id, event_id) where conflict;
create index concurrently if not exists duplicate_deliveries_delivery on postern.duplicate_deliveries (delivery_id);
