import { afterAll, beforeAll, expect, it } from 'vitest';
import { mt940 } from '../support/bank-files.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let database: TestDatabase;
let gateway: TestGateway;
beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await database.sql.query(
    `insert into postern.endpoints (provider, name, account, settings) values
       ('stripe', 'main', 'acct', '{"bank_account": "DE02120300000000202051", "bank_pattern": {"text": "stripe"}}')`,
  );
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

type Answer = { readonly status: number; readonly body: Record<string, unknown> };
async function call(path: string, file?: string): Promise<Answer> {
  const answer = await gateway.api(path, file === undefined ? {} : { method: 'POST', body: file });
  return { status: answer.status, body: (await answer.json()) as Answer['body'] };
}

const PATH = '/api/v1/bank-statements';
const day = (account: string, no: number, ids: readonly string[], opens = 0): string =>
  mt940({
    ...{ account, no, day: '2026-03-05', opens },
    entries: ids.map((id) => ({ id, amount: 5, text: id.startsWith('s') ? 'Stripe' : 'Rent' })),
  });

it('shows the number of a statement, and how many of its entries are posted, wait, and are not ours', async () => {
  const text = day('12030000/202051', 17, ['s1', 's2', 'r1']) + day('NL20OTHER', 3, ['s3', 's4', 's5', 's6']);
  const made = await call(PATH, text);
  const expected = {
    entries_new: 7,
    entries_posted: 2,
    entries_waiting: 1,
    entries_not_ours: 4,
    statements: [{ number: { year: 2026, value: 17 } }, { number: { year: 2026, value: 3 } }],
  };
  expect(made).toMatchObject({ status: 201, body: expected });
  // Of what an earlier file had brought already nothing is counted again; without a number there is none.
  const again = day('12030000/202051', 0, ['s1', 's2', 'r1', 'r2']);
  const second = await call(PATH, again);
  const rest = {
    entries_new: 1,
    entries_posted: 0,
    entries_waiting: 1,
    entries_not_ours: 0,
    statements: [{ number: null }],
  };
  expect(second).toMatchObject({ status: 201, body: rest });
  const { id } = made.body;
  expect((await call(`${PATH}/${id}`)).body).toMatchObject(expected);
  expect((await call(PATH)).body).toMatchObject({ items: [rest, expected] });
  await database.sql.query(`update postern.endpoints set settings = '{}'`);
  expect((await call(`${PATH}/${id}`)).body).toMatchObject({
    ...expected,
    entries_waiting: 0,
    entries_not_ours: 5,
  });
});

it('counts nothing of a file that was refused', async () => {
  const refused = await call(PATH, day('NL20OTHER', 4, ['s7']).replace('EUR0,05\r\n-', 'EUR0,06\r\n-'));
  expect(refused).toMatchObject({
    status: 201,
    body: { status: 'failed', entries_new: 0, entries_posted: 0, entries_waiting: 0, entries_not_ours: 0 },
  });
});
