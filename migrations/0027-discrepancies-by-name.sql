-- release: 2
-- no transaction
-- The bytes of events that an open discrepancy names outlive their day: asked for each event of a day that goes.
create index concurrently if not exists discrepancies_open_reference on postern.discrepancies (reference, account)
  where status not in ('resolved', 'auto_cleared', 'written_off');
create index concurrently if not exists discrepancies_open_event on postern.discrepancies ((evidence ->> 'event'))
  where status not in ('resolved', 'auto_cleared', 'written_off') and evidence ? 'event';
