-- release: 2
-- no transaction
-- How many of the entries that a file brought are posted is asked with each file that is shown.
create index concurrently if not exists bank_lines_statement on postern.bank_lines (bank_statement_id, bank_account);
