import { expect } from 'vitest';
import type { BankLine } from '../../src/bank-line.ts';
import { createLedger, type PostResult } from '../../src/ledger/post.ts';
import { fromEvent, fromLine, fromMatch, fromPerson, type Source } from '../../src/ledger/source.ts';
import type { Told } from '../../src/ledger/told.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { PeriodBalance, SettlementLine } from '../../src/settlement-line.ts';
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
    case 'settlement.batch_named':
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

/** The events of what was posted: posted, with a body each. */
export async function tellEvents(database: TestDatabase): Promise<void> {
  await database.sql.query(
    `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
     select id, id, now(), 1, 0, id::text, sha256(id::text::bytea), 't', 'a',
       case when exists (select from postern.transactions t join postern.postings p on p.transaction_id = t.id where t.source_event = s.id)
         or exists (select from postern.transaction_evidence e where e.event_id = s.id) then 'posted' else 'no_effect' end
     from (select source_event as id from postern.transactions where source_event is not null union select event_id from postern.transaction_evidence) as s
     on conflict do nothing`,
  );
}

/** Every order of a list: for lists of at most five. */
export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length <= 1) return [[...list]];
  return list.flatMap((first, n) => permutations(list.toSpliced(n, 1)).map((rest) => [first, ...rest]));
}

type LineFields = Partial<Record<'gross' | 'fee' | 'tax', bigint>> & {
  batch?: string;
  currency?: string;
  at?: number;
  zone?: string;
  reference?: string;
  component?: 'gross' | 'dispute';
  payer?: { amount: bigint; currency: string };
  hold?: string;
  from?: string;
  to?: string;
  payout?: string;
  settled?: { amount: bigint; currency: string };
};

/** A settlement line of batch `B1` in euros; its net is made of the rest. */
export function line(kind: SettlementLine['kind'], identity: string, fields: LineFields): SettlementLine {
  const { gross = 0n, fee = 0n, tax = 0n } = fields;
  const base = { batch: 'B1', currency: 'EUR', at: AT, zone: 'UTC', net: gross - fee - tax };
  return { type: 'settlement.line', kind, identity, ...base, ...fields, gross, fee, tax } as SettlementLine;
}

/** What a report says its period began or ended with, in euros. */
export function period(
  type: PeriodBalance['type'],
  batch: string,
  neighbour: string | null,
  amount: bigint,
): PeriodBalance {
  return { type, batch, neighbour, zone: 'UTC', ...eur(amount) };
}

export function bankLine(identity: string, reference: string, amount: bigint, currency = 'EUR'): BankLine {
  return { type: 'bank.line', identity, bankAccount: 'main', reference, zone: 'UTC', ...eur(amount), currency };
}

export function expectNoConflict(results: readonly PostResult[]): void {
  const wrong = results.filter(({ kind }) => kind === 'conflict' || kind === 'waits');
  if (wrong.length > 0) throw new Error(`not posted: ${JSON.stringify(wrong)}`);
}

const ORDERS_MAX = 24;

/** In many orders, one by one and all of them as one batch. The first and the last order are the list and its reverse. */
export async function expectSameInAnyOrder(
  database: TestDatabase,
  told: readonly Told[],
  expected: Record<string, string>,
): Promise<void> {
  const orders = permutations(told);
  const step = Math.max(1, Math.floor((orders.length - 1) / (ORDERS_MAX - 1)));
  for (const order of orders.filter((_, n) => n % step === 0)) {
    const apart = openBooks(database);
    for (const one of order) expectNoConflict(await apart.post([one]));
    expect(await apart.balances()).toEqual(expected);
    const together = openBooks(database);
    expectNoConflict(await together.post(...order.map((one) => [one])));
    expect(await together.balances()).toEqual(expected);
  }
}
