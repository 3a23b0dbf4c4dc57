-- release: 2
-- What an event is worth stands on its row: written by the worker, for search by amount.

alter table postern.events add column amount bigint, add column currency text;
comment on column postern.events.amount is 'The money it is about, in minor units; null: none, could not be read, or worked by a release before this column';
