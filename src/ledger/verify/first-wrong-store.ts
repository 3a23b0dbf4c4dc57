import type { Sql } from '../../postgres/sql.ts';
import type { Fault } from './report.ts';

/* Which row is wrong, where sums or counts told that one is. Each reads a table whole. */

/** A seal whose transaction or audit entry is gone. */
export async function firstEmptySeal(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ seq: bigint; subject: string }>(
    `select s.seq, coalesce('transaction ' || s.transaction_id, 'audit entry ' || s.audit_id, 'nothing') as subject from postern.seal s
     where not exists (select from postern.transactions t where t.id = s.transaction_id)
       and not exists (select from postern.audit_log a where a.id = s.audit_id) order by s.seq limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return { row: row.subject, found: `it was sealed as number ${row.seq} and is gone` };
}

/** The first balance that is not that of its lines. Reads all: only where something is known to be wrong. */
export async function firstWrongBalance(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ path: string; currency: string; kept: string; made: string }>(
    `select a.path, currency, concat_ws(' − ', b.debits, b.credits) as kept, concat_ws(' − ', p.debits, p.credits) as made
     from (select account_id, currency, coalesce(sum(amount) filter (where amount > 0), 0) as debits,
         coalesce(-sum(amount) filter (where amount < 0), 0) as credits from postern.postings group by 1, 2) as p
     full join postern.balances b using (account_id, currency)
     left join postern.accounts a on a.id = account_id
     where (p.debits, p.credits) is distinct from (b.debits, b.credits) order by a.path, currency limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    row: `account ${row.path} in ${row.currency}`,
    found: `kept is ${row.kept || 'nothing'}, its lines are ${row.made || 'none'}`,
  };
}

export async function firstWrongDay(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{ path: string; currency: string; day: string; kept: string; made: string }>(
    `select a.path, currency, effective_day::text as day, concat_ws(' − ', d.debits, d.credits) as kept,
       concat_ws(' − ', p.debits, p.credits) as made
     from (select account_id, currency, effective_day, recorded_day, accounting_date,
         coalesce(sum(amount) filter (where amount > 0), 0) as debits, coalesce(-sum(amount) filter (where amount < 0), 0) as credits
       from (select p.account_id, p.currency, p.amount, (t.effective_at at time zone 'utc')::date as effective_day,
         (t.recorded_at at time zone 'utc')::date as recorded_day, t.accounting_date from postern.seal s join postern.transactions t on t.id = s.transaction_id
         join postern.postings p on p.transaction_id = t.id) as l group by 1, 2, 3, 4, 5) as p
     full join postern.balance_days d using (account_id, currency, effective_day, recorded_day, accounting_date)
     left join postern.accounts a on a.id = account_id
     where (p.debits, p.credits) is distinct from (d.debits, d.credits) order by a.path, currency, effective_day limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  return {
    row: `account ${row.path} in ${row.currency} on ${row.day}`,
    found: `kept is ${row.kept || 'nothing'}, its lines are ${row.made || 'none'}; "postern ledger rebuild" makes the sums by day anew`,
  };
}

export async function firstWrongItem(sql: Sql): Promise<Fault | null> {
  const { rows } = await sql.query<{
    path: string;
    reference: string;
    component: string;
    currency: string;
    kept: string;
    made: string;
  }>(
    `select a.path, reference, component, currency, coalesce(o.amount, 0)::text as kept, coalesce(p.amount, 0)::text as made
     from (select account_id, reference, coalesce(component, '') as component, currency, sum(amount) as amount
       from postern.postings where reference is not null group by 1, 2, 3, 4) as p
     full join postern.open_items o using (account_id, reference, component, currency)
     left join postern.accounts a on a.id = account_id
     where coalesce(p.amount, 0) <> coalesce(o.amount, 0) order by a.path, reference, component, currency limit 1`,
  );
  const row = rows[0];
  if (row === undefined) return null;
  const item = `${row.reference}${row.component === '' ? '' : ` ${row.component}`}`;
  return {
    row: `open item ${item} of ${row.path} in ${row.currency}`,
    found: `kept is ${row.kept}, its lines are ${row.made}`,
  };
}
