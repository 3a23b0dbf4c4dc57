-- release: 2

-- The audit log is sealed in the one log of the ledger: who did something and why is proved by the same signed heads as the money.

-- Existing rows get the number of this migration's own transaction, once and without being written anew: they are sealed in the
-- order of their ids.
alter table postern.audit_log add column xact xid8 not null default pg_current_xact_id();
comment on column postern.audit_log.xact is 'The database transaction that wrote it: entries are sealed in the order of commits';

create trigger audit_log_append_only before update or delete or truncate on postern.audit_log
  for each statement execute function postern.refuse_change();

-- Who may add an entry says what was done; when, and in which place, is not theirs to say.
revoke insert on postern.audit_log from postern_app;
grant insert (actor, action, subject, reason, details) on postern.audit_log to postern_app;

-- The previous release knows no log: nobody of before reads a row without a transaction.
-- squawk-ignore ban-drop-not-null
alter table postern.seal alter column transaction_id drop not null;
alter table postern.seal add column audit_id bigint;
alter table postern.seal add constraint seal_one_subject check (num_nonnulls(transaction_id, audit_id) = 1) not valid;
comment on column postern.seal.audit_id is 'The entry of the audit log that is sealed here, where it is no transaction';
comment on table postern.seal is 'An RFC 6962 Merkle log of transactions and entries of the audit log, in the order of their commits: seq counts from 0 without gaps';

alter table postern.sealing
  add column audit_xact xid8 not null default '0',
  add column audit_id bigint not null default 0;
comment on table postern.sealing is 'One row: how many are sealed, and the transaction and the audit entry up to which everything is';

-- As postern.leaf_hash, of an entry. jsonb has one text for one value, whatever server prints it: keys sorted, numbers as told.
create function postern.audit_leaf_hash(id bigint, at timestamptz, actor text, action text, subject text, reason text, details jsonb)
returns bytea language sql stable as $$
  select sha256('\x00'::bytea || record_send(row('postern.audit.1'::text, id, at, actor, action, subject, reason, details::text)))
$$;

-- Puts these at the end of the log, in this order, with what follows from it: whole subtrees and sums by day. In each place stands
-- either a transaction or an audit entry. Refused (unique_violation) where one of them is sealed already.
create function postern.seal_entries(transaction_ids uuid[], audit_ids bigint[]) returns bigint
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off set work_mem = '16MB' as $$
declare
  before bigint := (select s.size from postern.sealing s);
  after bigint := before + cardinality(transaction_ids);
  height integer;
begin
  with told as materialized (
    select n.no, t.*, e.body_sha256, t.id::text as name,
      (t.effective_at at time zone 'utc')::date as effective_day, (t.recorded_at at time zone 'utc')::date as recorded_day
    from unnest(transaction_ids) with ordinality as n (id, no)
    join lateral (select t.* from postern.transactions t where t.id = n.id limit 1) as t on true
    left join lateral (select e.body_sha256 from postern.events e where e.id = t.source_event limit 1) as e on true
  ), lines as materialized (
    select n.no, p.line, p.account_id, p.currency, p.amount,
      postern.line_bytes(p.line, a.path, p.currency, p.amount, p.reference, p.component) as bytes
    from unnest(transaction_ids) with ordinality as n (id, no)
    join lateral (select p.* from postern.postings p where p.transaction_id = n.id limit 100000) as p on true
    join postern.accounts a on a.id = p.account_id
  ), sealed as (
    insert into postern.seal (seq, transaction_id, leaf_hash, source_sha256)
    select before + t.no - 1, t.id,
      postern.leaf_hash(t.id, t.effect_key, t.content, t.kind, t.effective_at, t.recorded_at, t.accounting_date, t.rule_version, t.reverses,
        t.source_event, t.body_sha256, t.source_line, t.source_request, t.cause, l.bytes),
      t.body_sha256
    from told t
    left join (select no, string_agg(bytes, ''::bytea order by line) as bytes from lines group by no) as l on l.no = t.no
    order by t.no
  )
  insert into postern.balance_days as d (account_id, currency, effective_day, recorded_day, accounting_date, debits, credits, first_id, last_id)
  select l.account_id, l.currency, t.effective_day, t.recorded_day, t.accounting_date,
    coalesce(sum(l.amount) filter (where l.amount > 0), 0), coalesce(-sum(l.amount) filter (where l.amount < 0), 0),
    min(t.name collate "C")::uuid, max(t.name collate "C")::uuid
  from lines l join told t on t.no = l.no
  group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
  on conflict (account_id, currency, effective_day, recorded_day, accounting_date) do update
  set debits = d.debits + excluded.debits, credits = d.credits + excluded.credits,
    first_id = least(d.first_id, excluded.first_id), last_id = greatest(d.last_id, excluded.last_id);

  insert into postern.seal (seq, audit_id, leaf_hash)
  select before + n.no - 1, a.id, postern.audit_leaf_hash(a.id, a.at, a.actor, a.action, a.subject, a.reason, a.details)
  from unnest(audit_ids) with ordinality as n (id, no)
  join lateral (select a.* from postern.audit_log a where a.id = n.id limit 1) as a on true
  order by n.no;

  for height in 8 .. 56 by 8 loop
    exit when after >> height = before >> height;
    insert into postern.seal_nodes (level, position, hash)
    select height, b.block, postern.merkle_root(case height
        when 8 then array(select s.leaf_hash from postern.seal s where s.seq >= b.block << 8 and s.seq < (b.block + 1) << 8 order by s.seq)
        else array(select c.hash from postern.seal_nodes c
          where c.level = height - 8 and c.position >= b.block << 8 and c.position < (b.block + 1) << 8 order by c.position)
      end)
    from generate_series(before >> height, (after >> height) - 1) as b (block);
  end loop;

  update postern.sealing set size = after;
  return after;
end
$$;

-- The next of the log, transactions and audit entries as they were committed. What is older than every transaction still running
-- is there for good, and nothing can come before it any more: so one that commits late is waited for and never skipped. Returns how
-- many were looked at (fewer than `most`: that was all) and how many are sealed; nothing while another session seals.
create or replace function postern.ledger_seal(most integer) returns table (looked_at integer, size bigint)
language plpgsql security definer set search_path = pg_catalog, postern set enable_seqscan = off as $$
declare
  at postern.sealing;
  horizon xid8;
  transaction_ids uuid[];
  audit_ids bigint[];
  last_xact xid8;
  last_id uuid;
  last_audit_xact xid8;
  last_audit_id bigint;
begin
  select s.* into at from postern.sealing s for update skip locked;
  if not found then
    return;
  end if;
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  with next as materialized (
    select * from (
      (select t.xact, t.id as transaction_id, null::bigint as audit_id from postern.transactions t
       where (t.xact, t.id) > (at.xact, at.id) and t.xact < horizon order by t.xact, t.id limit most)
      union all
      (select a.xact, null::uuid, a.id from postern.audit_log a
       where (a.xact, a.id) > (at.audit_xact, at.audit_id) and a.xact < horizon order by a.xact, a.id limit most)
    ) as u order by u.xact, u.transaction_id, u.audit_id limit most
  )
  select array_agg(n.transaction_id order by n.xact, n.transaction_id, n.audit_id),
    array_agg(n.audit_id order by n.xact, n.transaction_id, n.audit_id),
    (array_agg(n.xact order by n.xact desc, n.transaction_id desc) filter (where n.transaction_id is not null))[1],
    (array_agg(n.transaction_id order by n.xact desc, n.transaction_id desc) filter (where n.transaction_id is not null))[1],
    (array_agg(n.xact order by n.xact desc, n.audit_id desc) filter (where n.audit_id is not null))[1],
    (array_agg(n.audit_id order by n.xact desc, n.audit_id desc) filter (where n.audit_id is not null))[1]
  into transaction_ids, audit_ids, last_xact, last_id, last_audit_xact, last_audit_id from next n;
  looked_at := coalesce(cardinality(transaction_ids), 0);
  size := at.size;
  if looked_at > 0 then
    update postern.sealing s set xact = coalesce(last_xact, s.xact), id = coalesce(last_id, s.id),
      audit_xact = coalesce(last_audit_xact, s.audit_xact), audit_id = coalesce(last_audit_id, s.audit_id);
    begin
      size := postern.seal_entries(transaction_ids, audit_ids);
    exception when unique_violation then
      -- After a move to another server its numbers may come again. Looked for only then: it would cost every entry a look.
      select array_agg(n.transaction_id order by n.no), array_agg(n.audit_id order by n.no) into transaction_ids, audit_ids
      from unnest(transaction_ids, audit_ids) with ordinality as n (transaction_id, audit_id, no)
      where not exists (select from postern.seal s where s.transaction_id = n.transaction_id)
        and not exists (select from postern.seal s where s.audit_id = n.audit_id);
      if cardinality(transaction_ids) > 0 then
        size := postern.seal_entries(transaction_ids, audit_ids);
      end if;
    end;
  end if;
  return next;
end
$$;

-- After a move to another server (a restore from a dump) the numbers of transactions begin anew: everything that was found is
-- sealed, in the order of its ids, and the log goes on from here. Returns how many were not sealed yet.
create or replace function postern.ledger_seal_found() returns integer
language plpgsql security definer set search_path = pg_catalog, postern as $$
declare
  horizon xid8;
  transaction_ids uuid[];
  audit_ids bigint[];
begin
  perform 1 from postern.sealing for update;
  -- Before the look: what commits between the two is beyond it, and sealed in its turn.
  horizon := pg_snapshot_xmin(pg_current_snapshot());
  select array_agg(u.transaction_id order by u.transaction_id, u.audit_id), array_agg(u.audit_id order by u.transaction_id, u.audit_id)
  into transaction_ids, audit_ids
  from (
    select t.id as transaction_id, null::bigint as audit_id from postern.transactions t
    where not exists (select from postern.seal s where s.transaction_id = t.id)
    union all
    select null::uuid, a.id from postern.audit_log a where not exists (select from postern.seal s where s.audit_id = a.id)
  ) as u;
  if cardinality(transaction_ids) > 0 then
    perform postern.seal_entries(transaction_ids, audit_ids);
  end if;
  update postern.sealing set xact = horizon, id = '00000000-0000-0000-0000-000000000000', audit_xact = horizon, audit_id = 0;
  return coalesce(cardinality(transaction_ids), 0);
end
$$;

drop function postern.seal_transactions(uuid[]);
revoke all on function postern.seal_entries from public;
