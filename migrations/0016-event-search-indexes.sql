-- release: 2
-- no transaction
-- Search of events (src/ingest/event-filter-store.ts). Those over all events leave the queued ones out, so that the way to the
-- acknowledgement writes none of them. They end in received_at, in which no other index is ordered: the planner cannot take a
-- walk through the primary key instead, which for a type that has not come for a year reads the whole table.
-- Unfinished events have their amounts beside them; those of finished ones are known from here on.
with unfinished as (
  select e.id, a.amount, a.currency from postern.event_amounts a join postern.events e on e.id = a.event_id
  where e.amount is null order by e.id for no key update of e
)
update postern.events e set amount = u.amount, currency = u.currency from unfinished u where e.id = u.id;
create index concurrently if not exists events_by_endpoint on postern.events (endpoint_id, received_at) where status <> 'queued';
create index concurrently if not exists events_by_type on postern.events (endpoint_id, type, received_at) where status <> 'queued';
create index concurrently if not exists events_by_amount on postern.events (currency, amount, received_at) where amount is not null;
create index concurrently if not exists events_by_status on postern.events (status, received_at) where status in ('deferred', 'dead');
create index concurrently if not exists events_dead_causes on postern.events (endpoint_id, type, error_code, received_at)
  include (id, amount, currency) where status = 'dead';
drop index concurrently if exists postern.events_dead;
create index concurrently if not exists event_references_events on postern.event_references (value, event_id);
drop index concurrently if exists postern.event_references_value;
