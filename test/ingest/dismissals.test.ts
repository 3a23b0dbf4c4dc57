import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDismissals, type Dismissals } from '../../src/ingest/dismissals.ts';
import { createDismisser } from '../../src/ingest/dismisser.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeDeadLetters } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';

const clock = { now: () => Date.now() };
const COUNT = 1_200;
let database: TestDatabase;
let dismissals: Dismissals;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.sql.query(`insert into postern.endpoints (provider, name, account) values ('stripe', 'main', 'a')`);
  dismissals = another();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.sql.query('truncate postern.events, postern.event_amounts, postern.event_history, postern.dismissals');
});

function another(): Dismissals {
  return createDismissals({ pool: database.pools().worker, clock, metrics: createMetrics({ process: false }) });
}

const make = (count: number, code = 'rule_failed'): Promise<string[]> =>
  makeDeadLetters(database.sql, { endpoint: 'stripe/main', count, code });

async function workOff(id: string, by: Dismissals = dismissals): Promise<number> {
  let steps = 0;
  while (await by.step(id)) steps += 1;
  return steps;
}

type Order = { status: string; total: number; looked_at: number; dismissed: number; error: string | null };

async function order(id: string): Promise<Order | undefined> {
  const { rows } = await database.sql.query<Order>(
    'select status, total::int, looked_at::int, dismissed::int, error from postern.dismissals where id = $1',
    [id],
  );
  return rows[0];
}

/** Events by state, how many amounts are at risk, and how often each was dismissed. */
async function counts(): Promise<Record<string, unknown>> {
  const { rows } = await database.sql.query<Record<string, unknown>>(
    `select count(*) filter (where status = 'dead')::int as dead, count(*) filter (where status = 'no_effect')::int as no_effect,
       (select count(*)::int from postern.event_amounts) as amounts,
       (select count(*)::int from postern.event_history where what = 'dismissed') as lines,
       (select count(distinct event_id)::int from postern.event_history where what = 'dismissed') as events
     from postern.events`,
  );
  return rows[0] ?? {};
}

describe('a dismissal of many', () => {
  it('puts away what it means, batch by batch, and leaves the rest', async () => {
    await make(COUNT);
    await make(3, 'conflict');
    const id = await dismissals.ask({ error_code: 'rule_failed' }, 'posted by hand', 'cli:test');
    expect(await order(id)).toMatchObject({ status: 'running', total: COUNT, looked_at: 0 });
    expect(await workOff(id)).toBe(3);
    expect(await order(id)).toMatchObject({ status: 'done', total: COUNT, looked_at: COUNT, dismissed: COUNT });
    expect(await counts()).toEqual({ dead: 3, no_effect: COUNT, amounts: 3, lines: COUNT, events: COUNT });
    const { rows } = await database.sql.query(
      `select distinct reason, error_code, posted_at from postern.events where status = 'no_effect'`,
    );
    expect(rows).toEqual([{ reason: 'dismissed: posted by hand', error_code: 'rule_failed', posted_at: null }]);
    const { rows: audit } = await database.sql.query(
      'select actor, action, subject, reason, details from postern.audit_log where subject = $1 order by id',
      [`dismissal:${id}`],
    );
    expect(audit).toEqual([
      {
        actor: 'cli:test',
        action: 'dismissal.create',
        subject: `dismissal:${id}`,
        reason: 'posted by hand',
        details: { filter: { error_code: 'rule_failed' }, total: COUNT },
      },
      {
        actor: 'cli:test',
        action: 'dismissal.done',
        subject: `dismissal:${id}`,
        reason: null,
        details: { dismissed: COUNT },
      },
    ]);
  });

  it('leaves what came, or died again, after it was asked for: nobody had seen it', async () => {
    const [again] = await make(5);
    const id = await dismissals.ask({ status: 'dead' }, 'seen', 'cli:test');
    await database.sql.query(
      `insert into postern.event_history (event_id, what, attempt, error_code) values ($1, 'died', 2, 'rule_failed')`,
      [again],
    );
    await makeDeadLetters(database.sql, {
      endpoint: 'stripe/main',
      count: 2,
      code: 'rule_failed',
      receivedAt: Date.now() + 60_000,
    });
    await workOff(id);
    expect(await order(id)).toMatchObject({ status: 'done', total: 5, looked_at: 5, dismissed: 4 });
    expect(await counts()).toMatchObject({ dead: 3, no_effect: 4 });
  });

  it('leaves what dies again while it waits for it', async () => {
    const [again] = await make(3);
    const id = await dismissals.ask({ status: 'dead' }, 'seen', 'cli:test');
    const holder = await database.appPool.connect();
    try {
      await holder.query('begin');
      await holder.query(`update postern.events set error_message = 'another' where id = $1`, [again]);
      const step = dismissals.step(id);
      await eventually(async () => {
        const { rows } = await database.sql.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%no key update of e%'`,
        );
        expect(rows).toHaveLength(1);
      });
      await holder.query(
        `insert into postern.event_history (event_id, what, attempt, error_code) values ($1, 'died', 1, 'rule_failed')`,
        [again],
      );
      await holder.query('commit');
      expect(await step).toBe(true);
    } finally {
      holder.release();
    }
    expect(await order(id)).toMatchObject({ status: 'done', looked_at: 3, dismissed: 2 });
    expect(await counts()).toMatchObject({ dead: 1, no_effect: 2 });
  });

  it('leaves what a replay took up meanwhile', async () => {
    const [one] = await make(3);
    const id = await dismissals.ask({ status: 'dead' }, 'seen', 'cli:test');
    await database.sql.query(`update postern.events set status = 'queued' where id = $1`, [one]);
    await workOff(id);
    expect(await order(id)).toMatchObject({ status: 'done', dismissed: 2 });
    expect(await counts()).toMatchObject({ dead: 0, no_effect: 2, lines: 2 });
  });

  it('is worked off by several at once, each event once', async () => {
    await make(COUNT * 2);
    const id = await dismissals.ask({ status: 'dead' }, 'together', 'cli:test');
    const workers = [dismissals, another(), another()];
    await eventually(
      async () => {
        await Promise.all(workers.map((worker) => workOff(id, worker)));
        expect(await order(id)).toMatchObject({ status: 'done' });
      },
      { timeoutMs: 20_000 },
    );
    expect(await order(id)).toMatchObject({ looked_at: COUNT * 2, dismissed: COUNT * 2 });
    expect(await counts()).toEqual({ dead: 0, no_effect: COUNT * 2, amounts: 0, lines: COUNT * 2, events: COUNT * 2 });
  });

  it('goes on where a process died in the middle of a batch, which is undone as a whole', async () => {
    const ids = await make(COUNT);
    const id = await dismissals.ask({ status: 'dead' }, 'resumed', 'cli:test');
    expect(await dismissals.step(id)).toBe(true);
    const holder = await database.appPool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from postern.events where id = $1 for update', [ids[700]]);
      const step = dismissals.step(id).catch((error: unknown) => String(error));
      await eventually(async () => {
        const { rows } = await database.sql.query<{ pid: number }>(
          `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
             and query like '%no key update of e%'`,
        );
        expect(rows).toHaveLength(1);
        await database.sql.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      });
      expect(await step).toMatch(/terminat/i);
      await holder.query('rollback');
    } finally {
      holder.release();
    }
    expect(await order(id)).toMatchObject({ status: 'running', looked_at: 500, dismissed: 500, error: null });
    await workOff(id);
    expect(await order(id)).toMatchObject({ status: 'done', looked_at: COUNT, dismissed: COUNT });
    expect(await counts()).toEqual({ dead: 0, no_effect: COUNT, amounts: 0, lines: COUNT, events: COUNT });
  });

  it('ends where it is cancelled, and keeps what it did', async () => {
    await make(COUNT);
    const id = await dismissals.ask({ status: 'dead' }, 'too many', 'cli:test');
    await dismissals.step(id);
    await dismissals.cancel(id, 'cli:test');
    expect(await dismissals.step(id)).toBe(false);
    expect(await order(id)).toMatchObject({ status: 'cancelled', dismissed: 500 });
    await expect(dismissals.cancel(id, 'cli:test')).rejects.toMatchObject({ code: 'conflict' });
    await expect(dismissals.cancel('0190f000-0000-7000-8000-000000000000', 'cli:test')).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('says why a batch fails, tries it again, and gives up after ten', async () => {
    await make(2);
    const id = await dismissals.ask({ status: 'dead' }, 'broken', 'cli:test');
    await database.sql.query(`update postern.dismissals set filter = '{"colour":"red"}' where id = $1`, [id]);
    for (let n = 1; n <= 10; n += 1) {
      expect(await dismissals.step(id)).toBe(false);
      expect(await order(id)).toMatchObject({
        status: n < 10 ? 'running' : 'failed',
        error: 'the filter is wrong: /filter/colour is not a part of a filter',
      });
      // Not before its time.
      expect(await dismissals.step(id)).toBe(false);
      await database.sql.query('update postern.dismissals set due_at = now() where id = $1', [id]);
    }
    expect(await counts()).toMatchObject({ dead: 2, no_effect: 0 });
  });

  it('is worked on by a gateway that works', async () => {
    await make(COUNT);
    const dismisser = createDismisser({ dismissals: another(), log: database.log });
    dismisser.start();
    try {
      const id = await dismissals.ask({ status: 'dead' }, 'by itself', 'cli:test');
      await eventually(async () => expect(await order(id)).toMatchObject({ status: 'done', dismissed: COUNT }), {
        timeoutMs: 15_000,
      });
    } finally {
      await dismisser.stop();
    }
  });

  it.each([
    [{ status: 'posted' }, 'a reason'],
    [{ waiting_for: 'object' }, 'a reason'],
    [{ status: 'dead' }, ' '],
  ] as const)('refuses %j because of %j', async (filter, reason) => {
    await make(1);
    await expect(dismissals.ask(filter, reason, 'cli:test')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await counts()).toMatchObject({ dead: 1 });
  });
});
