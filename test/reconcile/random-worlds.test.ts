import { afterEach, beforeEach, expect, it } from 'vitest';
import { bucketsOf } from '../../src/reconcile/engine/buckets-store.ts';
import { AT } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createRandom } from '../support/random.ts';
import { createEngineWorld, type EngineWorld, type WorldBooks } from './engine-world.ts';
import { loadFacts } from './load-facts.ts';
import { type Fact, randomWorld } from './random-world.ts';
import { reckon } from './slow-matcher.ts';

/** WORLDS of them; the seed of the first. A failure names the seed of its world. */
const WORLDS = Number(process.env.WORLDS ?? 100);
const SEED = Number(process.env.SEED ?? 1);
const WORLDS_A_DATABASE = 100;
const FACTS_A_LOAD = 400;
const ROLES: Readonly<Record<string, string>> = {
  processor_pending: 'pending',
  processor_balance: 'balance',
  bank_in_transit: 'transit',
  disputes_receivable: 'receivable',
  suspense: 'suspense',
};

let database: TestDatabase;
let engine: EngineWorld;
beforeEach(async () => {
  database = await createTestDatabase();
  engine = createEngineWorld(database, AT);
});
afterEach(async () => {
  await engine.reconciler.stop();
  await database.drop();
});

type World = { readonly seed: number; readonly facts: readonly Fact[]; readonly books: readonly WorldBooks[] };

async function openWorld(seed: number, name: string, order: number): Promise<World> {
  const facts = shuffled(randomWorld(seed, name, AT), order);
  const settings = { bank_account: 'main' };
  return { seed, facts, books: [await engine.open(settings), await engine.open(settings)] };
}

function shuffled<T>(list: readonly T[], seed: number): T[] {
  const random = createRandom(seed);
  return list
    .map((one) => ({ one, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** What the engine says of all worlds, by account. */
async function statesOf(worlds: readonly World[]): Promise<Record<string, string>[]> {
  const { rows } = await database.sql.query<{ path: string; rest: string; is: string }>(
    `select a.path, r.reference || ' ' || r.component || ' ' || r.currency as rest, coalesce(r.class, r.bucket) || ' ' || r.amount as is
     from postern.residue r join postern.accounts a on a.id = r.account_id where r.amount <> 0`,
  );
  const owners = new Map(
    worlds.flatMap(({ books }, world) => books.map(({ account }, n) => [account, { world, n }] as const)),
  );
  const states = worlds.map((): Record<string, string> => ({}));
  for (const { path, rest, is } of rows) {
    const [, role = '', , account = ''] = path.split(':');
    const owner = owners.get(account);
    const state = states[owner?.world ?? -1];
    if (owner !== undefined && state !== undefined) state[`${owner.n} ${ROLES[role] ?? role} ${rest}`] = is;
  }
  return states;
}

async function loadAll(worlds: readonly World[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const some = worlds.flatMap(({ facts, books }) =>
      facts.filter((_, n) => n % rounds === round).map((fact) => ({ fact, books })),
    );
    for (let from = 0; from < some.length; from += FACTS_A_LOAD)
      await loadFacts(database, some.slice(from, from + FACTS_A_LOAD));
    await engine.catchUp();
  }
}

async function fingerprints(): Promise<unknown[]> {
  const { rows } = await database.sql.query(
    `select account_id, reference, component, currency, amount, matched, bucket, class from postern.residue order by 1, 2, 3, 4`,
  );
  return rows;
}

/** Every item and line is in one bucket, and what is open is what the accounts hold. */
async function expectConserved(worlds: readonly World[]): Promise<void> {
  for (const { facts, books } of worlds.slice(0, 20))
    for (const [n, { provider, account }] of books.entries()) {
      const buckets = await bucketsOf(database.app, provider, account);
      expect(buckets.filter(({ bucket }) => bucket === 'unseen')).toEqual([]);
      const lines = buckets.filter((row) => row.of === 'line').reduce((sum, { count }) => sum + count, 0n);
      expect(lines).toBe(BigInt(facts.filter((one) => one.fact === 'line' && one.account === n).length));
      const { rows } = await database.sql.query<{ role: string; currency: string; balance: string }>(
        `select split_part(a.path, ':', 2) as role, b.currency, (b.debits - b.credits)::text as balance
         from postern.balances b join postern.accounts a on a.id = b.account_id
         where a.open_item and a.type <> 'memo' and a.path like '%:' || $1`,
        [`${provider}:${account}`],
      );
      for (const { role, currency, balance } of rows) {
        const open = buckets.filter((row) => row.of === role && row.currency === currency);
        expect(open.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(BigInt(balance));
      }
    }
}

const groups = Array.from({ length: Math.ceil(WORLDS / WORLDS_A_DATABASE) }, (_, n) => {
  const from = n * WORLDS_A_DATABASE;
  return { seed: SEED + from, count: Math.min(WORLDS_A_DATABASE, WORLDS - from) };
});

it.each(groups)(
  'agrees with the slow matcher on $count random worlds from $seed, in any order of arrival, and made anew from the postings',
  async ({ seed: first, count }) => {
    const worlds: World[] = [];
    for (let n = 0; n < count; n += 1) worlds.push(await openWorld(first + n, `w${n}`, n));
    await loadAll(worlds, 1);
    const again: World[] = [];
    for (let n = 0; n < count; n += 1) again.push(await openWorld(first + n, `v${n}`, count + n));
    await loadAll(again, 4);
    for (const [name, some] of [
      ['w', worlds],
      ['v', again],
    ] as const) {
      const states = await statesOf(some);
      for (const [n, { seed, facts }] of some.entries())
        expect({ seed, name, ...states[n] }).toEqual({ seed, name, ...reckon(facts, AT) });
    }
    await expectConserved(worlds);
    const before = await fingerprints();
    expect(await engine.rebuild()).toBe(true);
    await engine.catchUp();
    expect(await fingerprints()).toEqual(before);
    expect(await engine.compare()).toEqual([]);
  },
  280_000,
);
