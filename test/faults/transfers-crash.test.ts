import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../../src/simulate/random.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { serviceCalls } from '../support/service-calls.ts';
import { startTransferLoad } from '../support/transfer-load.ts';

const SEED = process.env.TRANSFERS_CRASH_SEED ?? String(Date.now());
const KILLS = 4;
const TRANSFERS_A_ROUND = 250;
const CONNECTIONS = 24;

let database: TestDatabase;
let last: ChildGateway | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await last?.stop();
  await database.drop();
});

const start = () => startChildGateway(database.url, { work: false, env: { POSTERN_ADMIN_TOKEN: ADMIN_TOKEN } });

it(`ends every acknowledged request exactly once through ${KILLS} kills, its key sent again (TRANSFERS_CRASH_SEED=${SEED})`, async () => {
  const random = createRandom(SEED);
  const accounts = Array.from({ length: 8 }, (_, n) => `teller-${n}`);
  const first = await start();
  for (const account of accounts)
    await serviceCalls([first.url], { patient: true }).made({
      to: account,
      amount: '"100.00"',
      key: `fill ${account}`,
    });
  for (const account of accounts)
    await fetch(`${first.url}/api/v1/accounts/${account}`, {
      method: 'PATCH',
      body: '{"overdraft":"refused"}',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    });
  await first.kill();

  const answered = new Set<string>();
  const all = new Map<string, { key: string; from: string; to: string; amount: string }>();
  let killedInFlight = 0;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    for (let n = 0; n < TRANSFERS_A_ROUND; n += 1) {
      const from = random.between(0, accounts.length - 1);
      const to = (from + random.between(1, accounts.length - 1)) % accounts.length;
      const key = `r${kill}-${n}`;
      const [source = '', destination = ''] = [accounts[from], accounts[to]];
      all.set(key, { key, from: source, to: destination, amount: `"${random.between(1, 40)}.00"` });
    }
    const gateway = await start();
    const load = startTransferLoad(
      gateway.url,
      [...all.values()].filter(({ key }) => !answered.has(key)),
      CONNECTIONS,
    );
    await eventually(() => expect(load.answered.size).toBeGreaterThan(0), { timeoutMs: 20_000 });
    // Not to wait for something: the moment of the kill is what chance decides here.
    await new Promise((resolve) => setTimeout(resolve, random.between(1, 400)));
    if (load.inFlight() > 0) killedInFlight += 1;
    await gateway.kill();
    await load.ended;
    expect(load.odd).toEqual([]);
    for (const key of load.answered) answered.add(key);
  }
  expect(killedInFlight).toBeGreaterThan(0);
  expect(answered.size).toBeGreaterThan(0);

  // What was acknowledged is there before anything is sent again, and has its end.
  const ended = async () =>
    (
      await database.sql.query<{ idempotency_key: string; status: string }>(
        `select idempotency_key, status from postern.requests where idempotency_key like 'r%'`,
      )
    ).rows;
  const before = await ended();
  const known = new Set(before.map((row) => row.idempotency_key));
  expect([...answered].filter((key) => !known.has(key))).toEqual([]);
  expect(new Set(before.map((row) => row.status)).difference(new Set(['completed', 'failed']))).toEqual(new Set());

  last = await start();
  const calls = serviceCalls([last.url], { patient: true });
  const again = new Set<string>();
  // A busy machine may answer 503; who sent it then sends it again.
  for (let turn = 0; turn < 5 && again.size < all.size; turn += 1) {
    const rest = [...all.values()].filter(({ key }) => !again.has(key));
    const load = startTransferLoad(last.url, rest, CONNECTIONS);
    await load.ended;
    expect(load.odd).toEqual([]);
    for (const key of load.answered) again.add(key);
  }
  expect(again.size).toBe(all.size);
  const after = await ended();
  expect(after).toHaveLength(all.size);
  // Sent again, nothing that had ended ended otherwise.
  const now = new Map(after.map((row) => [row.idempotency_key, row.status]));
  for (const row of before) expect(now.get(row.idempotency_key), row.idempotency_key).toBe(row.status);

  const { rows } = await database.sql.query(
    `select (select count(*) from postern.transactions) as transactions,
       (select count(*) from postern.requests where status = 'completed') as completed,
       (select count(*) from (select source_request from postern.transactions group by 1 having count(*) > 1) as t) as twice,
       (select count(*) from postern.balances b join postern.accounts a on a.id = b.account_id
         where a.path like 'asset:client:%' and b.debits < b.credits) as below_zero`,
  );
  const [tally] = rows;
  expect(tally).toEqual({ transactions: tally?.completed, completed: expect.anything(), twice: 0n, below_zero: 0n });
  const balances = await Promise.all(accounts.map(async (account) => Number(await calls.balance(account))));
  expect(balances.reduce((a, b) => a + b, 0)).toBe(accounts.length * 10_000);
}, 240_000);
