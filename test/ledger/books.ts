import { createLedger, type PostResult } from '../../src/ledger/post.ts';
import { fromEvent, fromLine, fromMatch, fromPerson, type Source } from '../../src/ledger/source.ts';
import type { Told } from '../../src/ledger/told.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import type { TestDatabase } from '../support/database.ts';

/** 2026-03-05T12:00:00Z: whenever the processor says it happened. */
export const AT = Date.UTC(2026, 2, 5, 12);

export const eur = (amount: bigint) => ({ amount, currency: 'EUR', at: AT });

export function captured(payment: string, amount: bigint): PaymentEvent {
  return { type: 'payment.captured', key: `${payment}:captured`, payment, ...eur(amount) };
}

export type Books = {
  readonly account: string;
  /** Each list is one event, line or match; all of them one batch. */
  post(...told: readonly (readonly Told[])[]): Promise<PostResult[]>;
  /** What is not zero: `role [reference component] currency` → balance, from postings, checked against what is derived. */
  balances(): Promise<Record<string, string>>;
};

let made = 0;
const clock = { now: () => AT };

/** Books of an account of their own, so that one database serves many tests. */
export function openBooks(database: TestDatabase, marketplace: 'on_capture' | 'on_transfer' | null = null): Books {
  made += 1;
  const account = `acct_${made}`;
  // A ledger of its own: what one process remembers must not be what makes another right.
  const ledger = createLedger({ clock });
  return {
    account,
    post: (...told) =>
      withTransaction(database.appPool, (tx) =>
        ledger.post(
          tx,
          told.map((mine) => ({
            source: sourceOf(mine[0]),
            provider: 'test',
            account,
            marketplace,
            events: mine,
          })),
        ),
      ),
    balances: () => balancesOf(database, account),
  };
}

function sourceOf(told: Told | undefined): Source {
  switch (told?.type) {
    case 'settlement.line':
    case 'settlement.opening':
    case 'settlement.closing':
    case 'bank.line':
      return fromLine(uuidv7(AT));
    case 'match.allocated':
      return fromMatch({ pass: 'merchant_reference', score: 1, actor: 'system' });
    case 'write_off':
      return fromPerson({ actor: 'token:1', reason: 'below the limit', approver: 'token:2' });
    default:
      return fromEvent(uuidv7(AT));
  }
}

async function balancesOf(database: TestDatabase, account: string): Promise<Record<string, string>> {
  const { rows } = await database.sql.query<{ place: string; amount: string }>(
    `select replace(a.path, ':test:' || $1, '') || case when p.reference is null then '' else
        ' [' || p.reference || coalesce(' ' || p.component, '') || ']' end || ' ' || p.currency as place, sum(p.amount)::text as amount
     from postern.postings p join postern.accounts a on a.id = p.account_id join postern.transactions t on t.id = p.transaction_id
     where starts_with(t.effect_key, 'test:' || $1 || ':')
     group by 1 having sum(p.amount) <> 0`,
    [account],
  );
  return Object.fromEntries(rows.map((row) => [row.place, row.amount]));
}

/** What is derived differs from what the postings say: empty when all is well. */
export async function derivedDifferences(database: TestDatabase): Promise<unknown[]> {
  const { rows } = await database.sql.query(
    `select 'balance' as what, account_id, currency from (
       select account_id, currency, sum(greatest(amount, 0)) as debits, -sum(least(amount, 0)) as credits from postern.postings group by 1, 2
     ) p full join postern.balances b using (account_id, currency)
     where p.debits is distinct from b.debits or p.credits is distinct from b.credits
     union all
     select 'open item ' || reference, account_id, currency from (
       select account_id, reference, coalesce(component, '') as component, currency, sum(amount) as amount
       from postern.postings where reference is not null group by 1, 2, 3, 4
     ) p full join postern.open_items o using (account_id, reference, component, currency)
     where p.amount is distinct from o.amount
     union all
     select 'trial balance', 0, currency from postern.balances group by currency having sum(debits) <> sum(credits)`,
  );
  return rows;
}

/** Every order of a list: for lists of at most five. */
export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]];
  return list.flatMap((first, n) => permutations(list.toSpliced(n, 1)).map((rest) => [first, ...rest]));
}
