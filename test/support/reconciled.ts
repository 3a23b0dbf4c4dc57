import { expect } from 'vitest';
import type { TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';

/** Items, matches, suggestions, discrepancies with their history, and balances: all that the engine makes, but for ids it chose. */
const MADE: Readonly<Record<string, string>> = {
  items: `select a.path, r.reference, r.component, r.currency, r.amount, r.matched, r.bucket, r.class, r.opened_at, r.moved_at, r.due_at,
      r.look_at is null or r.look_at > now() as is_settled, d.fingerprint
    from postern.residue r join postern.accounts a on a.id = r.account_id left join postern.discrepancies d on d.id = r.discrepancy_id
    order by 1, 2, 3, 4`,
  keys: `select a.path, k.kind, k.reference, k.component, k.currency, k.key from postern.residue_keys k
    join postern.accounts a on a.id = k.account_id order by 1, 2, 3, 4, 5, 6`,
  matches: `select m.id, a.path, m.currency, m.debit_reference, m.debit_component, m.credit_reference, m.credit_component, m.amount, m.pass,
      m.score, m.actor, m.undone_at is null as stands, t.effect_key
    from postern.matches m join postern.accounts a on a.id = m.account_id join postern.transactions t on t.id = m.transaction_id order by 1`,
  suggestions: `select a.path, s.currency, s.pass, s.score, s.debit_reference, s.debit_component, s.credit_reference, s.credit_component, s.amount
    from postern.suggestions s join postern.accounts a on a.id = s.account_id order by 1, 2, 3, 4, 5, 6, 7, 8, 9`,
  discrepancies: `select d.fingerprint, d.class, d.cause, d.status, d.in_proof, d.provider, d.account, d.item, d.reference, d.component, d.currency,
      d.delta, d.ledger, d.settlement, d.bank, d.differences, d.suggested, d.evidence, d.occurred_at, d.due_at, d.cleared_at is null as stands,
      array(select h.action || ' ' || h.actor || ' ' || h.detail from postern.discrepancy_history h where h.discrepancy_id = d.id order by h.no) as history
    from postern.discrepancies d order by 1`,
  observed: 'select o.id, o.status, o.repeated from postern.observed_imports o order by 1',
  balances: `select a.path, b.currency, b.debits, b.credits from postern.balances b join postern.accounts a on a.id = b.account_id order by 1, 2`,
  posted: 'select t.kind, t.effect_key from postern.transactions t order by 2',
  whose: 'select l.identity, l.provider, l.account, l.reference from postern.bank_lines l order by 1',
};

export type Reconciled = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** What stands in the books and beside them, ids aside. */
export async function reconciled(database: TestDatabase): Promise<Reconciled> {
  const found: Record<string, Record<string, unknown>[]> = {};
  for (const [name, text] of Object.entries(MADE)) found[name] = (await database.sql.query(text)).rows;
  return found;
}

/** The engine has looked at all there is, and nothing is to be judged now. */
export function untilReconciled(database: TestDatabase): Promise<void> {
  return eventually(
    async () => {
      const { rows } = await database.sql.query(
        `select exists (select from postern.transactions t where (t.xact, t.id) > (r.xact, r.id)) as behind,
           exists (select from postern.residue i where i.look_at <= now()) as due,
           exists (select from postern.bank_owners b where b.looked_up_to is not null) as unowned,
           exists (select from postern.settlements s where s.status in ('imported', 'amended', 'failed')
             and not exists (select from postern.observed_imports o where o.id = s.id and o.status = s.status)) as unseen
         from postern.reconciling r`,
      );
      expect(rows).toEqual([{ behind: false, due: false, unowned: false, unseen: false }]);
    },
    { timeoutMs: 60_000, everyMs: 50 },
  );
}
