-- release: 2
-- no transaction

-- The sealer walks along the first two; the others are searches of the audit log, newest first, page by page.
create index concurrently if not exists audit_log_xact on postern.audit_log (xact, id);
create unique index concurrently if not exists seal_audit on postern.seal (audit_id) where audit_id is not null;
create index concurrently if not exists audit_log_at on postern.audit_log (at, id);
create index concurrently if not exists audit_log_actor on postern.audit_log (actor collate "C", at, id);
create index concurrently if not exists audit_log_action on postern.audit_log (action collate "C", at, id);
create index concurrently if not exists audit_log_subject on postern.audit_log (subject collate "C", at, id);
-- What is valid already is not looked at again, should this file be run anew.
-- squawk-ignore prefer-robust-stmts
alter table postern.seal validate constraint seal_one_subject;
