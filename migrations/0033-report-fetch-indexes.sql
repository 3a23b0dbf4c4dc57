-- release: 2
-- no transaction
-- What became of a report is looked for with each listing, and what failed is counted with the figures of the queue.
create index concurrently if not exists report_fetches_report on postern.report_fetches (endpoint_id, report, id);
create index concurrently if not exists report_fetches_failed on postern.report_fetches (id) where status = 'failed';
create index concurrently if not exists report_fetches_ended on postern.report_fetches (finished_at) where finished_at is not null;
