import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { createLedger } from '../../src/ledger/post.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { withDatabase } from '../../src/postgres/address.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { AT, captured } from './books.ts';

/*
 * Whoever closes waits for the postings in flight, and the postings after it see what was closed: two sessions, each held
 * between its statement and its commit.
 */

const CLOSE_MARCH = `insert into postern.periods values ('2026-03-01', '2026-03-31', now())`;

let database: TestDatabase;
let closer: pg.Client;
let closerPid: number;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  closer = new pg.Client({ connectionString: withDatabase(inject('postgres').superuserUrl, database.name) });
  await closer.connect();
  const { rows } = await closer.query<{ pid: number }>('select pg_backend_pid() as pid');
  closerPid = rows[0]?.pid ?? 0;
});
afterEach(async () => {
  await closer.query('rollback');
  await closer.query('delete from postern.periods');
  await closer.end();
});

/** Posts in a transaction of its own and commits when told. `done` settles with the commit. */
function postAndHold(events: readonly PaymentEvent[]) {
  const ledger = createLedger({ clock: { now: () => AT } });
  const held = Promise.withResolvers<void>();
  const posted = Promise.withResolvers<void>();
  const done = withTransaction(database.appPool, async (tx) => {
    const request = { source: fromEvent(uuidv7(AT)), provider: 'test', account: 'closing', marketplace: null, events };
    await ledger.post(tx, [request]);
    posted.resolve();
    await held.promise;
  });
  done.catch(posted.reject);
  return { posted: posted.promise, commit: held.resolve, done };
}

/** Resolves when somebody waits for a lock that this session holds, or this session waits for another's. */
async function blocked(condition: string): Promise<void> {
  await eventually(async () => {
    const { rows } = await database.sql.query<{ blocked: boolean }>(
      `select exists (select from pg_stat_activity a where a.datname = current_database() and ${condition}) as blocked`,
      [closerPid],
    );
    expect(rows).toEqual([{ blocked: true }]);
  });
}
const closerWaits = () => blocked('a.pid = $1 and cardinality(pg_blocking_pids(a.pid)) > 0');
const somebodyWaitsForCloser = () => blocked('$1 = any (pg_blocking_pids(a.pid))');

async function dayOf(payment: string): Promise<string | undefined> {
  const { rows } = await database.sql.query<{ day: string }>(
    'select accounting_date::text as day from postern.transactions where effect_key = $1',
    [`test:closing:${payment}:captured`],
  );
  return rows[0]?.day;
}

describe('closing a period', () => {
  it('waits for a posting in flight, which still belongs to it', async () => {
    const posting = postAndHold([captured('in-flight', 5n)]);
    await posting.posted;
    const close = closer.query(CLOSE_MARCH);
    await closerWaits();
    posting.commit();
    await posting.done;
    await close;
    expect(await dayOf('in-flight')).toBe('2026-03-05');
  });

  it('holds a posting that comes while it is being closed, and sends it to the next', async () => {
    await closer.query('begin');
    await closer.query(CLOSE_MARCH);
    const posting = postAndHold([captured('meanwhile', 5n)]);
    posting.commit();
    await somebodyWaitsForCloser();
    await closer.query('commit');
    await posting.done;
    expect(await dayOf('meanwhile')).toBe('2026-04-01');
  });

  it('is not put off for ever by postings that overlap', async () => {
    const first = postAndHold([captured('overlap-1', 5n)]);
    await first.posted;
    const close = closer.query(CLOSE_MARCH);
    await closerWaits();
    // Comes after the close: it waits behind it instead of overtaking.
    const second = postAndHold([captured('overlap-2', 5n)]);
    second.commit();
    await somebodyWaitsForCloser();
    first.commit();
    await close;
    await Promise.all([first.done, second.done]);
    expect([await dayOf('overlap-1'), await dayOf('overlap-2')]).toEqual(['2026-03-05', '2026-04-01']);
  });

  it('leaves postings alone when it is undone', async () => {
    await closer.query('begin');
    await closer.query(CLOSE_MARCH);
    const posting = postAndHold([captured('undone', 5n)]);
    posting.commit();
    await somebodyWaitsForCloser();
    await closer.query('rollback');
    await posting.done;
    expect(await dayOf('undone')).toBe('2026-03-05');
  });
});

describe('closing an account', () => {
  const set = (closedAt: string) => `update postern.accounts set closed_at = ${closedAt} where path = 'income:revenue'`;
  afterEach(async () => {
    await closer.query(set('null'));
  });

  it('waits for a posting in flight', async () => {
    const posting = postAndHold([captured('a-in-flight', 5n)]);
    await posting.posted;
    const close = closer.query(set('now()'));
    await closerWaits();
    posting.commit();
    await posting.done;
    await close;
    expect(await dayOf('a-in-flight')).toBe('2026-03-05');
  });

  it('refuses a posting that comes while it is being closed', async () => {
    await closer.query('begin');
    await closer.query(set('now()'));
    const posting = postAndHold([captured('a-meanwhile', 5n)]);
    await somebodyWaitsForCloser();
    await closer.query('commit');
    await expect(posting.posted).rejects.toMatchObject({ code: '23514' });
    await expect(posting.done).rejects.toMatchObject({ code: '23514' });
    expect(await dayOf('a-meanwhile')).toBeUndefined();
  });
});
