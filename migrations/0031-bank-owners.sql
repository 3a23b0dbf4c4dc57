-- release: 2
-- Whose the entries of a bank account are is decided by settings, and those change.

create table postern.bank_owners (
  bank_account text primary key collate "C",
  owners       text not null,
  looked_up_to text collate "C"
);
comment on table postern.bank_owners is 'Bank accounts that processors pay into, as statements may name them, and by which settings their entries were given to processor accounts';
comment on column postern.bank_owners.owners is 'JSON: the processor accounts that are paid there, with their patterns, as they were told apart by';
comment on column postern.bank_owners.looked_up_to is 'Since these settings came, the entries that belong to nobody were looked at up to this identity; null: all were';

grant select, insert, update, delete on postern.bank_owners to postern_app;
