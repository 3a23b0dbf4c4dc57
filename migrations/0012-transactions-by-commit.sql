-- release: 2
-- no transaction

create index concurrently if not exists transactions_xact on postern.transactions (xact, id);
create index concurrently if not exists transactions_source_request on postern.transactions (source_request) where source_request is not null;
create index concurrently if not exists transactions_source_line on postern.transactions (source_line) where source_line is not null;
