import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PosternError } from '../../src/errors.ts';
import { chart } from '../../src/ledger/chart.ts';
import { setOverdraft } from '../../src/ledger/overdraft-store.ts';
import { reverseTransaction } from '../../src/ledger/reversal.ts';
import type { Told } from '../../src/ledger/told.ts';
import { verifyLedger } from '../../src/ledger/verify/verify.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { createTransfers, type Transfers } from '../../src/transfers/transfers.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seal } from '../support/sealed.ts';
import { AT, type Books, derivedDifferences, line, openBooks, tellEvents } from './books.ts';
import { createModel, currencyOf, type Fact, FEE_OF_A_LINE, type Model } from './model.ts';

/*
 * Random histories against a model that adds plain sums: after each step the books are the model's, to the last line. A
 * failure names its seed and the shortest history that shows it: MODEL_SEED=… runs it again.
 */

const RUNS = 25;
const STEPS_MAX = 30;
const SEED = process.env.MODEL_SEED === undefined ? {} : { seed: Number(process.env.MODEL_SEED) };
const DAY_MS = 86_400_000;
const CLIENTS = [0, 1, 2];

let database: TestDatabase;
let transfers: Transfers;
beforeAll(async () => {
  database = await createTestDatabase();
  const started = Date.now();
  // Goes on, as deadlines need it, and stays on the day of what processors tell.
  const clock = { now: () => AT + Date.now() - started };
  const metrics = createMetrics({ process: false });
  const pool = database.pools().requests;
  transfers = createTransfers({ pool, clock, log: database.log, metrics, deadlineMs: 30_000 });
});
afterAll(async () => {
  await transfers.close();
  await database.drop();
});

type Command =
  | { readonly do: 'tell'; readonly facts: readonly Fact[] }
  | { readonly do: 'tell again'; readonly nth: number; readonly otherwise: boolean; readonly daysLate: number }
  | { readonly do: 'reverse'; readonly nth: number }
  | {
      readonly do: 'transfer';
      readonly from: number;
      readonly to: number;
      readonly amount: bigint;
      readonly times: number;
    }
  | { readonly do: 'transfer again'; readonly nth: number; readonly otherwise: boolean }
  | { readonly do: 'refund'; readonly nth: number; readonly amount: bigint | null; readonly times: number }
  | { readonly do: 'close'; readonly daysBefore: number }
  | { readonly do: 'seal'; readonly most: number };

const KINDS = [
  ...(['authorised', 'captured', 'cancelled', 'fee', 'line.charge', 'line.payout'] as const),
  ...(['refund.created', 'refund.succeeded', 'refund.failed'] as const),
  ...(['payout.created', 'payout.failed', 'payout.returned'] as const),
  ...(['dispute.withdrawn', 'dispute.reinstated', 'dispute.lost'] as const),
];

const small = fc.nat({ max: 1_000 });
const daysLate = fc.constantFrom(0, 0, 1, 45);
const fact: fc.Arbitrary<Fact> = fc.record({
  what: fc.constantFrom(...KINDS),
  n: fc.nat({ max: 2 }),
  amount: fc.constantFrom(100n, 100n, 101n, 250n),
  daysLate,
});
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('tell' as const), facts: fc.tuple(fact) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tell' as const), facts: fc.array(fact, { maxLength: 5 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('tell again' as const), nth: small, otherwise: fc.boolean(), daysLate }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('reverse' as const), nth: small }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('transfer' as const),
      from: fc.nat({ max: 2 }),
      to: fc.nat({ max: 2 }),
      amount: fc.constantFrom(30n, 90n),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('transfer again' as const), nth: small, otherwise: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('refund' as const),
      nth: small,
      amount: fc.constantFrom(10n, 40n, null),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('close' as const), daysBefore: fc.constantFrom(60, 30, 1, 0, -1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('seal' as const), most: fc.constantFrom(1, 3, 100) }) },
);

function toldOf(one: Fact): Told {
  const { what, n, amount } = one;
  const common = { amount, currency: currencyOf(one), at: AT - one.daysLate * DAY_MS };
  const [payment, refund, payout, dispute] = [`p${n}`, `r${n}`, `po${n}`, `d${n}`];
  const net = { currency: common.currency, at: common.at };
  switch (what) {
    case 'authorised':
      return { type: 'payment.authorised', key: `${payment}:authorised`, payment, ...common };
    case 'captured':
      return { type: 'payment.captured', key: `${payment}:captured`, payment, ...common };
    case 'cancelled':
      return { type: 'payment.cancelled', key: `${payment}:cancelled`, payment, ...net };
    case 'fee':
      return { type: 'payment.fee_known', key: `${payment}:fee`, reference: payment, of: 'payment', ...common };
    case 'refund.created':
    case 'refund.succeeded':
    case 'refund.failed':
      return { type: what, key: `${refund}:${what.slice(7)}`, refund, ...common };
    case 'payout.created':
    case 'payout.failed':
    case 'payout.returned':
      return { type: what, key: `${payout}:${what.slice(7)}`, payout, ...common };
    case 'dispute.withdrawn':
    case 'dispute.reinstated':
    case 'dispute.lost':
      return { type: what, key: `${dispute}:${what.slice(8)}`, dispute, ...common };
    case 'line.charge':
      return line('charge', `c${n}.${amount % 2n}`, { reference: payment, gross: amount, fee: FEE_OF_A_LINE, ...net });
    case 'line.payout':
      return line('payout', payout, { payout, gross: -amount, ...net });
  }
}

type Request = {
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  readonly completed: boolean;
  readonly refunds: Request | null;
  given: bigint;
};

type History = {
  readonly books: Books;
  readonly model: Model;
  readonly told: Fact[];
  readonly requests: Request[];
  readonly baseline: ReadonlyMap<string, bigint>;
};

/** All that is kept, by name; what other histories left is taken off. */
async function figures(books: Books, baseline: ReadonlyMap<string, bigint>): Promise<Map<string, bigint>> {
  const { rows } = await database.sql.query<{ name: string; amount: string }>(
    `with named as (select id, replace(path, ':test:' || $1, '') as path from postern.accounts)
     select 'transactions' as name, count(*)::text as amount from postern.transactions
     union all select 'postings', count(*)::text from postern.postings
     union all select 'conflicts', count(*)::text from postern.effect_conflicts
     union all select 'off ' || currency, sum(amount)::text from postern.postings group by currency
     union all select concat_ws(' ', 'balance', path, currency), (debits - credits)::text from postern.balances join named on id = account_id
     union all select concat_ws(' ', 'day', path, currency, accounting_date), sum(amount)::text from postern.postings
       join named on named.id = account_id join postern.transactions t on t.id = transaction_id group by path, currency, accounting_date
     union all select concat_ws(' ', 'item', path, reference, nullif(component, ''), currency), amount::text
       from postern.open_items join named on id = account_id`,
    [books.account],
  );
  const all = rows.map(({ name, amount }): [string, bigint] => [name, BigInt(amount) - (baseline.get(name) ?? 0n)]);
  return new Map(all.filter(([, amount]) => amount !== 0n));
}

const currencyOfKey = (key: string): string => {
  const n = /^(?:line:)?[prdc](\d)/.exec(key)?.[1];
  return n !== undefined && Number(n) % 2 === 1 ? 'JPY' : 'EUR';
};

async function expectAsModelled({ books, model, baseline }: History, step: string): Promise<void> {
  expect(await figures(books, baseline), step).toEqual(model.figures(currencyOfKey));
  expect(await derivedDifferences(database), step).toEqual([]);
}

async function tell({ books, model, told }: History, facts: readonly Fact[]): Promise<void> {
  const results = await books.post(...facts.map((one) => [toldOf(one)]));
  const found = results.map((result) => (result.kind === 'posted' && result.replayed ? 'replayed' : result.kind));
  expect(found).toEqual(facts.map((one) => model.tell(one)));
  told.push(...facts);
}

const client = ({ books }: History, n: number): string => `${books.account}-${n}`;
const submit = (idempotencyKey: string, { from, to, amount }: { from: string; to: string; amount: bigint }) => {
  const source = from === chart.openingBalances.path ? chart.openingBalances : chart.client(from);
  const wish = { kind: 'transfer' as const, source, destination: chart.client(to), currency: 'EUR', amount };
  return transfers.submit({ idempotencyKey, actor: 'token:model', wish });
};
const pathOf = (name: string): string => (name.includes(':') ? name : chart.client(name).path);

/** How many of so many can be paid at once. The first client may not be overdrawn; who pays himself only needs to have it. */
function payable(history: History, { from, to }: { from: string; to: string }, amount: bigint, times: number): number {
  if (from !== client(history, 0)) return times;
  const balance = history.model.balance(pathOf(from));
  if (balance < amount) return 0;
  return from === to ? times : Math.min(times, Number(balance / amount));
}

/** Which of these keys came through: chance decides, and the model only knows how many. */
async function completed(keys: readonly string[]): Promise<Set<string>> {
  const { rows } = await database.sql.query<{ key: string; status: string }>(
    'select idempotency_key as key, status from postern.requests where idempotency_key = any ($1)',
    [keys],
  );
  expect(new Set(rows.map(({ key }) => key))).toEqual(new Set(keys));
  expect(rows.filter(({ status }) => status === 'processing')).toEqual([]);
  return new Set(rows.filter(({ status }) => status === 'completed').map(({ key }) => key));
}

async function note(history: History, requests: readonly Omit<Request, 'completed' | 'given'>[], expected: number) {
  const through = await completed(requests.map(({ key }) => key));
  expect(through.size).toBe(expected);
  for (const request of requests) {
    const done = through.has(request.key);
    history.requests.push({ ...request, completed: done, given: 0n });
    if (!done) continue;
    history.model.moved(request.key, pathOf(request.from), pathOf(request.to), request.amount);
    if (request.refunds !== null) request.refunds.given += request.amount;
  }
}

async function transfer(history: History, from: string, to: string, amount: bigint, times: number): Promise<void> {
  const keys = Array.from({ length: times }, (_, n) => `${history.books.account} t${history.requests.length + n}`);
  const expected = payable(history, { from, to }, amount, times);
  const answers = await Promise.all(keys.map((key) => submit(key, { from, to, amount })));
  expect(answers.map(({ repeated }) => repeated)).toEqual(keys.map(() => false));
  await note(
    history,
    keys.map((key) => ({ key, from, to, amount, refunds: null })),
    expected,
  );
}

async function refund(history: History, of: Request, asked: bigint | null, times: number): Promise<void> {
  const { books, model } = history;
  const [id] = await idsOf(history, [of.key]);
  const keys = Array.from({ length: times }, (_, n) => `${books.account} t${history.requests.length + n}`);
  const amount = asked === null ? null : `0.${asked}`;
  const answers = await Promise.allSettled(
    keys.map((idempotencyKey) =>
      transfers.submit({
        idempotencyKey,
        actor: 'token:model',
        wish: { kind: 'refund', of: id ?? uuidv7(AT), amount },
      }),
    ),
  );
  if (id === undefined || of.refunds !== null) {
    const codes = answers.map((a) => a.status === 'rejected' && a.reason instanceof PosternError && a.reason.code);
    expect(codes).toEqual(keys.map(() => (id === undefined ? 'not_found' : 'conflict')));
    return;
  }
  expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 'fulfilled'));
  // What a person took back is not given back again.
  const left = model.isReversed(of.key) || !of.completed ? 0n : of.amount - of.given;
  const each = asked ?? left;
  const parts = each === 0n ? 0 : Math.min(times, Number(left / each));
  const given = each === 0n ? 0 : payable(history, { from: of.to, to: of.from }, each, parts);
  await note(
    history,
    keys.map((key) => ({ key, from: of.to, to: of.from, amount: each, refunds: of })),
    given,
  );
}

/** Of the transactions of these keys of the model's; nothing where one is none. */
async function idsOf({ books }: History, keys: readonly string[]): Promise<string[]> {
  const { rows } = await database.sql.query<{ id: string }>(
    `select t.id from unnest($1::text[]) as k (key)
     join postern.transactions t on t.effect_key = 'test:' || $2 || ':' || k.key
       or t.id = (select r.transaction_id from postern.requests r where r.idempotency_key = k.key and r.status = 'completed')
       or t.reverses = (select r.transaction_id from postern.requests r where r.idempotency_key || ':reversed' = k.key)`,
    [keys, books.account],
  );
  return rows.map(({ id }) => id);
}

async function reverse(history: History, nth: number): Promise<void> {
  const keys = history.model.keys();
  const key = keys[nth % keys.length] ?? '';
  const [id] = await idsOf(history, [key]);
  if (id === undefined) throw new Error(`${key} is not in the books`);
  const order = { id, actor: 'cli:ada', reason: 'a random one' };
  const { kind } = await withTransaction(database.appPool, (tx) =>
    reverseTransaction(tx, order, { clock: { now: () => AT } }),
  );
  const refunded = history.requests.some(
    ({ refunds, completed, key: own }) => completed && refunds?.key === key && !history.model.isReversed(own),
  );
  expect(kind).toBe(!refunded && history.model.reverse(key) ? 'reversed' : 'refused');
}

async function run(history: History, one: Command): Promise<void> {
  const { model, told, requests } = history;
  switch (one.do) {
    case 'tell':
      return tell(history, one.facts);
    case 'tell again': {
      const before = told[one.nth % Math.max(1, told.length)];
      if (before === undefined) return;
      const amount = one.otherwise ? before.amount + 2n : before.amount;
      return tell(history, [{ ...before, amount, daysLate: one.daysLate }]);
    }
    case 'reverse':
      return reverse(history, one.nth);
    case 'transfer':
      return transfer(history, client(history, one.from), client(history, one.to), one.amount, one.times);
    case 'transfer again': {
      const sent = requests.filter(({ refunds }) => refunds === null);
      const before = sent[one.nth % sent.length];
      if (before === undefined) throw new Error('no transfer');
      const again = submit(before.key, { ...before, amount: before.amount + (one.otherwise ? 1n : 0n) });
      if (one.otherwise) await expect(again).rejects.toMatchObject({ code: 'conflict' });
      else expect(await again).toMatchObject({ repeated: true });
      return;
    }
    case 'refund': {
      const of = requests[one.nth % requests.length];
      if (of === undefined) throw new Error('no request');
      return refund(history, of, one.amount, one.times);
    }
    case 'close':
      model.close(one.daysBefore);
      await database.sql.query(
        `insert into postern.periods values ('2000-01-01', $1, now()) on conflict (first_day) do update
         set last_day = greatest(periods.last_day, excluded.last_day)`,
        [new Date(AT - one.daysBefore * DAY_MS)],
      );
      return;
    case 'seal': {
      await tellEvents(database);
      const { rows } = await database.app.query<{ looked_at: number; size: bigint }>(
        'select * from postern.ledger_seal($1)',
        [one.most],
      );
      expect(rows[0]?.looked_at).toBeLessThanOrEqual(one.most);
      return;
    }
  }
}

async function begin(): Promise<History> {
  await database.sql.query('delete from postern.periods');
  const books = openBooks(database);
  const baseline = await figures(books, new Map());
  const history: History = { books, model: createModel(AT), told: [], requests: [], baseline };
  for (const n of CLIENTS) await transfer(history, chart.openingBalances.path, client(history, n), 100n, 1);
  await withTransaction(database.appPool, (tx) => setOverdraft(tx, pathOf(client(history, 0)), 'refused'));
  return history;
}

it('keeps the books of a model through histories of chance', async () => {
  const history = fc.array(command, { maxLength: STEPS_MAX, size: 'max' });
  const property = fc.asyncProperty(history, async (commands) => {
    const one = await begin();
    for (const [n, step] of commands.entries()) {
      await run(one, step);
      await expectAsModelled(one, `after step ${n}`);
    }
    await tellEvents(database);
    await seal(database);
    const report = await verifyLedger({ pool: database.appPool });
    expect(report.checks.filter(({ fault }) => fault !== null)).toEqual([]);
    expect(report).toMatchObject({ ok: true, unsealed: 0 });
  });
  // Bounded on a busy machine too: what is left out there is run elsewhere.
  await fc.assert(property, { ...SEED, numRuns: RUNS, interruptAfterTimeLimit: 30_000 });
}, 240_000);
