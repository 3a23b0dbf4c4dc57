import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueueStats } from '../../src/api/stats/read-stats.ts';
import { statsText } from '../../src/commands/queue-text.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, launch, run } from '../support/launcher.ts';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-queue-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

function postern(...args: string[]): Promise<Ended> {
  return run(args, { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder });
}

describe('postern queue', () => {
  it('says of a fresh database that nothing waits, and what to do next', async () => {
    const { status, out } = await postern('queue', 'stats');
    expect(status).toBe(0);
    expect(out).toContain('No endpoint yet');
    expect(out).toContain('Nothing is at risk.');
    expect((await postern('queue', 'list')).out).toContain('nobody posts');
  });

  it('pauses, tells who comes later why, resumes, and drains what is empty', async () => {
    expect((await postern('queue', 'pause', 'events', '--reason', 'a look')).out).toBe(
      'The queue "events" is paused.\n',
    );
    expect((await postern('queue', 'pause', 'events', '--reason', 'mine')).out).toMatch(
      /^The queue "events" was paused already: by cli:\S+ at \S+ \S+, a look\.\n$/,
    );
    expect((await postern('queue', 'stats')).out).toContain('events (paused)');
    const resumed = await postern('queue', 'resume', 'events', '--json');
    expect(JSON.parse(resumed.out)).toMatchObject({ name: 'events', paused: false, changed: true });
    expect((await postern('queue', 'resume', 'events')).out).toBe('The queue "events" was not paused.\n');
    const drained = await postern('queue', 'drain', 'events', '--json');
    expect(JSON.parse(drained.out)).toEqual({ name: 'events', hurried: 0, left: 0 });
  }, 60_000);

  it('fails where nobody empties the queue in time', async () => {
    await database.sql.query(
      `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account, status)
       values (gen_random_uuid(), gen_random_uuid(), now(), 1, 0, 'left', '', 'x', 'x', 'queued')`,
    );
    const { status, out } = await drainAndStop();
    expect(status).toBe(1);
    expect(out).toContain('1 are left in the queue "events"');
  }, 30_000);
});

/** As Ctrl-C once it waits: it tells what is left instead of waiting for half an hour. */
async function drainAndStop(): Promise<Ended> {
  const before = await drains();
  const launched = launch(['queue', 'drain', 'events'], { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder });
  await eventually(async () => expect(await drains()).toBe(before + 1n), { timeoutMs: 15_000 });
  // It listens for the signal from a moment after that on: until it is gone it is told again.
  const again = setInterval(() => launched.child.kill('SIGINT'), 500);
  return launched.ended.finally(() => clearInterval(again));
}

async function drains(): Promise<bigint> {
  const { rows } = await database.sql.query<{ n: bigint }>(
    "select count(*) as n from postern.audit_log where action = 'queue.drain'",
  );
  return rows[0]?.n ?? 0n;
}

describe('the figures for people', () => {
  it('name the money as people write it, what drops off first at the top', () => {
    const endpoint = (name: string, silent: boolean, risks: QueueStats['endpoints'][number]['amount_at_risk']) => ({
      provider: 'stripe',
      endpoint: name,
      disabled: false,
      last_event_at: '2026-01-31T12:00:00.123Z',
      silence_seconds: 7_200,
      expected_silence_seconds: 600,
      silent,
      last_24_hours: { accepted: 5, duplicates: 1, conflicts: 0, rejected: 0, signature_failures: 0, gaps: 0 },
      amount_at_risk: risks,
    });
    const text = statsText({
      as_of: '2026-01-31T14:00:00.000Z',
      queues: [],
      endpoints: [
        endpoint('later', false, [
          { currency: 'JPY', amount: '1234567', events: 1, drop_off_at: '2026-02-02T14:05:00.000Z' },
        ]),
        endpoint('main', true, [
          { currency: 'EUR', amount: '4821000', events: 312, drop_off_at: '2026-01-31T14:05:00.000Z' },
          { currency: null, amount: null, events: 4_000, drop_off_at: null },
        ]),
      ],
      housekeeping: [{ name: 'verify_books', interval_s: 86_400, last_run_at: null, last_error: 'no\u001b[31m luck' }],
    });
    expect(text.split('At risk:\n')[1]?.split('\n').slice(0, 3)).toEqual([
      '  stripe/main  312 events, EUR 48,210.00, dropped from 2026-01-31 14:05:00Z',
      '  stripe/later  1 event, JPY 1,234,567, dropped from 2026-02-02 14:05:00Z',
      '  stripe/main  4,000 events, amount unknown',
    ]);
    expect(text).toContain('2 h !');
    expect(text).toContain('verify_books: no [31m luck');
  });
});
