import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Books } from '../../src/ledger/chart.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { postManyLines } from '../../src/ledger/post-many.ts';
import { fromEvent, fromLine } from '../../src/ledger/source.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import type { SettlementLine } from '../../src/settlement-line.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, derivedDifferences, eur, line } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const clock = { now: () => AT };
let made = 0;

function openAccount() {
  made += 1;
  const account = `many_${made}`;
  const books = { provider: 'test', account, marketplace: null };
  const ledger = createLedger({ clock });
  return {
    account,
    tell: (events: readonly PaymentEvent[]) =>
      withTransaction(database.appPool, (tx) =>
        ledger.post(
          tx,
          events.map((event) => ({ ...books, source: fromEvent(uuidv7(AT)), events: [event] })),
        ),
      ),
    single: (lines: readonly SettlementLine[]) =>
      withTransaction(database.appPool, (tx) =>
        ledger.post(
          tx,
          lines.map((told) => ({ ...books, source: fromLine(uuidv7(AT)), events: [told] })),
        ),
      ),
    many: (groups: readonly (readonly SettlementLine[])[], settles = true) =>
      withTransaction(database.appPool, async (tx) => {
        await ledger.holdFees(tx, books);
        const many = postManyLines(tx, books, { clock });
        for (const group of groups) await many.record(many.prepare(group.map((told) => ({ line: uuidv7(AT), told }))));
        if (settles) await many.end();
      }),
  };
}

/** All that stands in an account's books, without ids and without the account's name. */
async function standing({ account }: Pick<Books, 'account'>): Promise<unknown[]> {
  const { rows } = await database.sql.query(
    `select replace(t.effect_key, $1, '') as key, t.kind, t.effective_at, t.accounting_date, t.rule_version, t.source_line is null as told,
       (select json_agg(json_build_array(p.line, replace(a.path, $1, ''), p.currency, p.amount, p.reference, p.component) order by p.line)
        from postern.postings p join postern.accounts a on a.id = p.account_id where p.transaction_id = t.id) as legs
     from postern.transactions t where starts_with(t.effect_key, 'test:' || $1 || ':') order by 1`,
    [account],
  );
  const { rows: items } = await database.sql.query(
    `select replace(a.path, $1, '') as path, o.reference, o.component, o.currency, o.amount from postern.open_items o
     join postern.accounts a on a.id = o.account_id where a.path like '%:test:' || $1 order by 1, 2, 3, 4`,
    [account],
  );
  return [...rows, ...items];
}

const fee = (payment: string, amount: bigint): PaymentEvent => ({
  ...{ type: 'payment.fee_known', key: `${payment}:fee`, reference: payment, of: 'payment', ...eur(amount) },
});

const kinds = [
  'charge',
  'refund',
  'chargeback',
  'fee',
  'adjustment',
  'reserve_hold',
  'carry_forward',
  'payout',
  'topup',
] as const;
const someLine = fc.record({
  kind: fc.constantFrom(...kinds),
  about: fc.constantFrom('a', 'b', 'c', 'd'),
  batch: fc.constantFrom('B1', 'B2', 'a'),
  gross: fc.integer({ min: -5_000, max: 5_000 }),
  fee: fc.integer({ min: -50, max: 200 }),
  zone: fc.constantFrom('UTC', 'America/Los_Angeles'),
  foreign: fc.boolean(),
  early: fc.boolean(),
});
type SomeLine = typeof someLine extends fc.Arbitrary<infer T> ? T : never;

function made1(one: SomeLine, n: number): SettlementLine {
  const { kind, about, batch, zone } = one;
  const [gross, cost] = [BigInt(one.gross), BigInt(one.fee)];
  const base = { batch, zone };
  switch (kind) {
    case 'fee':
      return line(kind, `l${n}`, { ...base, fee: cost });
    case 'adjustment':
      return line(kind, `l${n}`, { ...base, gross });
    case 'reserve_hold':
      return line(kind, `l${n}`, { ...base, gross, hold: about });
    case 'carry_forward':
      return line(kind, `l${n}`, { ...base, gross, from: batch, to: 'B3' });
    case 'payout':
    case 'topup':
      return line(kind, `l${n}`, { ...base, gross, fee: cost, payout: about });
    default:
      return {
        ...line(kind, `l${n}`, {
          ...base,
          ...{ gross, fee: cost, reference: about },
          ...(one.foreign ? { payer: { amount: gross * 2n, currency: 'USD' } } : {}),
        }),
        ...(one.early ? { beforeLive: true } : {}),
      } as SettlementLine;
  }
}

describe('many lines', () => {
  it('leave the books as one after the other does, whatever was announced and however they are grouped', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someLine, { maxLength: 25 }),
        fc.array(
          fc.record({
            about: fc.constantFrom('a', 'b'),
            payout: fc.boolean(),
            amount: fc.integer({ min: 1, max: 99 }),
          }),
          {
            maxLength: 3,
          },
        ),
        fc.integer({ min: 1, max: 25 }),
        async (some, announced, size) => {
          const lines = some.map(made1);
          const events = announced.map(
            ({ about, payout, amount }, n): PaymentEvent =>
              payout
                ? { type: 'payout.created', key: `${about}:created`, payout: about, ...eur(BigInt(amount)) }
                : ({ ...fee(about, BigInt(amount)), key: `${about}:fee${n}` } as PaymentEvent),
          );
          const [one, other] = [openAccount(), openAccount()];
          await one.tell(events);
          await other.tell(events);
          await one.single(lines);
          const groups: SettlementLine[][] = [];
          for (let from = 0; from < lines.length; from += size) groups.push(lines.slice(from, from + size));
          await other.many(groups);
          expect(await standing(other)).toEqual(await standing(one));
        },
      ),
      { numRuns: 60 },
    );
    expect(await derivedDifferences(database)).toEqual([]);
  }, 120_000);

  it('are refused whole where something else stands under the key of one', async () => {
    const account = openAccount();
    await account.single([line('charge', 'l1', { reference: 'p', gross: 100n })]);
    const before = await standing(account);
    await expect(
      account.many([
        [line('charge', 'l2', { reference: 'q', gross: 5n })],
        [line('charge', 'l1', { reference: 'p', gross: 101n })],
      ]),
    ).rejects.toThrow(/something else is posted under/);
    expect(await standing(account)).toEqual(before);
  });

  it('are refused where two of them have one identity', async () => {
    const twice = [1n, 2n].map((gross) => line('charge', 'l1', { reference: 'p', gross }));
    await expect(openAccount().many([twice])).rejects.toThrow(/told apart by nothing/);
  });

  it('cannot be committed without what is derived from them', async () => {
    const account = openAccount();
    const lines = [line('charge', 'l1', { reference: 'p', gross: 100n })];
    await expect(account.many([lines], false)).rejects.toThrow(/recorded and not settled/);
    expect(await standing(account)).toEqual([]);
  });

  it('may not be put past the function: the running role has no way into its tables', async () => {
    for (const table of ['unsettled', 'unsettled_items', 'unsettled_balances'])
      await expect(database.app.query(`delete from postern.${table}`)).rejects.toThrow(/permission denied/);
  });

  it('are told the fee that was announced meanwhile', async () => {
    const account = openAccount();
    await account.many([[line('charge', 'l1', { reference: 'p', gross: 100n, fee: 3n })]]);
    await account.tell([fee('p', 3n)]);
    await account.many([[line('refund', 'l2', { reference: 'p', gross: -100n, fee: -3n })]]);
    const keys = (await standing(account)).flatMap((row) => (row as { key?: string }).key ?? []);
    expect(keys).toEqual([
      'test::line:l1',
      'test::line:l1:fee_recognised',
      'test::line:l1:fee_recognised:reversed',
      'test::line:l2',
      'test::p:fee',
    ]);
  });
});
