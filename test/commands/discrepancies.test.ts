import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Ended, run, runHere } from '../support/launcher.ts';
import { addDiscrepancy } from '../support/settlement-rows.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

let made = 0;
const add = (more: { status?: string; clearedAt?: number; reasonCode?: string } = {}): Promise<string> => {
  made += 1;
  return addDiscrepancy(database, {
    provider: 'stripe',
    account: 'acct_1',
    class: 'missing_in_settlement',
    reference: `p${made}`,
    currency: 'EUR',
    delta: -1000n,
    at: AT,
    ...more,
  });
};

const postern = (...args: string[]): Promise<Ended> =>
  run(['discrepancies', ...args], { DATABASE_URL: database.url, POSTERN_ENCRYPTION_KEYS: TEST_KEYS });

type View = { status: string; assignee: string | null; reason_code: string | null; history: { action: string }[] };
async function resolve(id: string, ...args: string[]): Promise<View> {
  const { status, out, err } = await postern('resolve', id, ...args, '--json');
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return JSON.parse(out) as View;
}

describe('discrepancies resolve', () => {
  it('assigns, takes back, notes, explains and reopens, and each is in the history', async () => {
    const id = await add();
    expect(await resolve(id, '--assign', 'ada', '--note', 'yours')).toMatchObject({
      status: 'assigned',
      assignee: 'ada',
    });
    expect(await resolve(id, '--unassign')).toMatchObject({ status: 'open', assignee: null });
    expect(await resolve(id, '--note', 'asked')).toMatchObject({ status: 'open' });
    expect(await resolve(id, '--explain', 'rounding', '--note', 'by mail')).toMatchObject({
      status: 'resolved',
      reason_code: 'rounding',
    });
    const reopened = await resolve(id, '--reopen', '--reason', 'it was not');
    expect(reopened).toMatchObject({ status: 'reopened', reason_code: null });
    expect(reopened.history).toMatchObject([
      { action: 'assign', detail: { assignee: 'ada', note: 'yours' } },
      { action: 'assign', detail: { assignee: null } },
      { action: 'note', detail: { note: 'asked' } },
      { action: 'explain', detail: { reason_code: 'rounding', note: 'by mail' } },
      { action: 'reopen', detail: { reason: 'it was not' } },
    ]);
  });

  it('refuses what does not fit the state, and says why', async () => {
    const open = await add();
    const resolved = await add({ status: 'resolved', reasonCode: 'known' });
    const netted = await add({ status: 'auto_cleared', clearedAt: AT });
    for (const [id, args, why] of [
      [open, ['--reopen', '--reason', 'r'], 'is not over: it is open'],
      [resolved, ['--explain', 'again'], 'is resolved already'],
      [resolved, ['--assign', 'ada'], 'is resolved: reopen it first'],
      [netted, ['--reopen', '--reason', 'r'], 'has netted: there is nothing to work on'],
      [open, ['--agree', 'nonsense', '--reason', 'r'], 'there is no suggestion nonsense'],
      [open, ['--correct', '--reason', 'r'], 'a correction is posted for what is missing in the ledger'],
      ['nonsense', ['--note', 'n'], 'there is no discrepancy nonsense'],
    ] as const) {
      const ended = await postern('resolve', id, ...args);
      expect(ended).toMatchObject({ status: 1, out: '', err: expect.stringContaining(why) });
    }
  });

  it.each([
    ['nothing to do', [], 'nothing to do'],
    ['two things', ['--explain', 'a', '--assign', 'b'], 'one thing at a time'],
    ['both hands', ['--unassign', '--assign', 'b'], 'one thing at a time'],
    ['no reason', ['--reopen'], '--reopen needs --reason'],
    ['a note that would be lost', ['--reopen', '--reason', 'r', '--note', 'n'], 'no --note'],
    ['a reason that would be lost', ['--explain', 'a', '--reason', 'r'], 'say it as --note'],
    ['an empty name', ['--assign', ' '], 'it is empty'],
    ['an empty note', ['--note', ''], 'it is empty'],
  ] as const)('is used wrongly with %s', async (_, args, why) => {
    const ended = await runHere(['discrepancies', 'resolve', 'd_1', ...args]);
    expect(ended).toMatchObject({ status: 2, out: '', err: expect.stringContaining(why) });
  });
});
