-- release: 2
-- A report may be announced while it is fetched, and an order may be of reports that another one waits for already.

alter table postern.report_fetches add column again boolean not null default false, add column also uuid[] not null default '{}';
comment on column postern.report_fetches.again is 'It was announced while it ran: it is fetched once more afterwards';
comment on column postern.report_fetches.also is 'Orders made before it, of reports in its range';
