import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeDeadLetters } from '../support/dead-letters.ts';
import { type Ended, run } from '../support/launcher.ts';

let database: TestDatabase;
let folder: string;
let ids: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-events-'));
  await database.sql.query(`insert into postern.endpoints (provider, name, account) values ('stripe', 'main', 'a')`);
  ids = await makeDeadLetters(database.sql, {
    endpoint: 'stripe/main',
    count: 620,
    code: 'rule_failed',
    amount: 4_821,
  });
  const receivedAt = Date.now() - 60_000;
  await makeDeadLetters(database.sql, {
    endpoint: 'stripe/main',
    count: 2,
    code: 'conflict',
    type: 'payout.paid',
    receivedAt,
  });
  const waiting = await makeDeadLetters(database.sql, { endpoint: 'stripe/main', count: 1, code: 'x', receivedAt });
  await database.sql.query(
    `update postern.events set status = 'deferred', error_code = null, error_message = null, reason = 'the refund comes before its capture',
       waiting_for = 'object', until = '2026-12-31T12:00:00Z' where id = $1`,
    [waiting[0]],
  );
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

function postern(...args: string[]): Promise<Ended> {
  return run(args, { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, LOG_LEVEL: 'info' });
}

async function lines(...args: string[]): Promise<string> {
  const { status, out, err } = await postern(...args);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out;
}

it('shows what is stuck by cause, what it is worth and what to do', async () => {
  const text = await lines('events', 'groups');
  expect(text).toMatch(/^ +620 +EUR 29890\.20 +stripe +charge\.succeeded +rule_failed /m);
  expect(text).toMatch(/^ +2 +EUR 20\.00 +stripe +payout\.paid +conflict /m);
  expect(text).toContain('rule_failed (defect): ');
  expect(text).toContain('conflict (contradiction): ');
  const { items } = JSON.parse(await lines('events', 'groups', '--error-code', 'conflict', '--json')) as {
    items: unknown[];
  };
  expect(items).toMatchObject([{ count: 2, filter: { status: 'dead', error_code: 'conflict' } }]);
  expect(await lines('events', 'groups', '--status', 'queued')).toBe('No event is queued.\n');
  expect(await lines('events', 'groups', '--type', 'none')).toBe('No dead event is like that.\n');
});

it('says of what waits for what, and until when', async () => {
  expect(await lines('events', 'list', '--waiting-for', 'object')).toContain(
    'the refund comes before its capture, until 2026-12-31 12:00:00Z',
  );
  expect(await lines('events', 'groups', '--status', 'deferred')).toContain('object until 2026-12-31 12:00:00Z');
});

// A process each, one after the other: on a busy machine that is more than the usual limit.
it('dismisses one by the processor’s id, and shows who did and why', async () => {
  const eventId = `evt_${ids[0]}`;
  expect(await lines('events', 'dismiss', eventId, '--reason', 'theirs', '--dry-run')).toBe(
    `Would dismiss ${ids[0]}\n`,
  );
  expect(await lines('events', 'dismiss', eventId, '--reason', 'a test of theirs')).toBe(`Dismissed ${ids[0]}\n`);
  const shown = await lines('events', 'show', eventId);
  expect(shown).toContain('no_effect: dismissed: a test of theirs');
  expect(shown).toMatch(/attempt 1 died: rule_failed: it cannot be worked\n.+ dismissed by cli:\S+: a test of theirs/);
  const again = await postern('events', 'dismiss', eventId, '--reason', 'again');
  expect(again).toMatchObject({ status: 1, out: '', err: expect.stringContaining('is no_effect') });
  expect(await postern('events', 'dismiss', 'evt_none', '--reason', 'x')).toMatchObject({ status: 1, out: '' });
}, 60_000);

it('dismisses many where nothing else works, after it showed which', async () => {
  const which = ['events', 'dismiss', '--error-code', 'rule_failed', '--reason', 'posted by hand'];
  const shown = await lines(...which, '--dry-run');
  expect(shown).toContain('Would dismiss 619');
  expect(JSON.parse(await lines(...which, '--json'))).toMatchObject({
    status: 'done',
    total: 619,
    done: 619,
    dismissed: 619,
    reason: 'posted by hand',
    actor: expect.stringMatching(/^cli:/),
  });
  expect(await lines(...which)).toBe('No dead letter is like that.\n');
  expect(await lines('events', 'dismiss', '--status', 'dead', '--reason', 'seen')).toBe('Dismissed 2 of 2\n');
  expect(await lines('events', 'groups')).toBe('No event is dead.\n');
}, 60_000);
