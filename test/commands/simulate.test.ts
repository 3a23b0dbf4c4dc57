import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectSums } from '../support/expect-posted.ts';
import { greeted, type Launched, launch, run } from '../support/launcher.ts';

/*
 * The command as people use it, against a gateway in a process of its own.
 */

const NAMES = [...providers.keys()];
const AT_ONCE = 4;

let database: TestDatabase;
let gateway: Launched;
let env: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = launch(['start'], { DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'warn' });
  const { port } = new URL(await greeted(gateway));
  env = { DATABASE_URL: database.url, PORT: port, LOG_LEVEL: 'warn' };
}, 120_000);

afterAll(async () => {
  if (gateway.child.exitCode === null) gateway.child.kill('SIGTERM');
  await gateway.ended;
  await database.drop();
}, 120_000);

type Counted = { readonly provider: string; readonly status: string; readonly waiting_for: string | null; n: number };

async function counted(): Promise<Counted[]> {
  const { rows } = await database.sql.query<Counted>(
    `select p.provider, e.status, e.waiting_for, count(*)::int4 as n from postern.events e
     join postern.endpoints p on p.id = e.endpoint_id group by 1, 2, 3 order by 1, 2, 3`,
    [],
  );
  return rows;
}

async function settled(): Promise<Counted[]> {
  return eventually(
    async () => {
      const rows = await counted();
      expect(rows.filter(({ status }) => status === 'queued')).toEqual([]);
      return rows;
    },
    { timeoutMs: 30_000, everyMs: 200 },
  );
}

type Once = { readonly status: number; readonly expected: readonly { status: string; reason: string | null }[] };

describe('simulate', { timeout: 120_000 }, () => {
  it('names the processors in lines that can be read', async () => {
    const { status, out } = await run(['simulate', '--help']);
    expect(status).toBe(0);
    const [, list = ''] = /Processors:\n((?: {2}.*\n)+)/.exec(out) ?? [];
    expect(list.trim().split(/\s+/)).toEqual(NAMES);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('refuses a processor there is none of', async () => {
    const { status, err } = await run(['simulate', '--providers', 'stripe,acme'], env);
    expect(status).toBe(2);
    expect(err).toContain('stripe');
  });

  it('--once sends one event of every processor, which posts or waits as it says', async () => {
    const before = await counted();
    expect(before).toEqual([]);
    const told = new Map<string, Once>();
    const left = NAMES.values();
    async function some(): Promise<void> {
      for (const name of left) {
        const { status, out, err } = await run(['simulate', '--once', name, '--json'], env);
        expect({ name, status, err }).toEqual({ name, status: 0, err: '' });
        told.set(name, JSON.parse(out) as Once);
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, some));
    const rows = await settled();
    for (const name of NAMES) {
      const [expected] = told.get(name)?.expected ?? [];
      const came = rows.filter(({ provider }) => provider === name).map(({ status, n }) => ({ status, n }));
      expect({ name, answer: told.get(name)?.status, came }).toEqual({
        name,
        answer: 200,
        came: [{ status: expected?.status, n: 1 }],
      });
    }
  });

  it('sends traffic of all: what came is events and duplicates, none is dead, and what waits was foretold', async () => {
    const before = new Map((await settled()).map(({ provider, status, n }) => [`${provider} ${status}`, n]));
    const args = ['simulate', '--providers', 'all', '--rate', '150', '--seconds', '6', '--tampered', '0.1', '--json'];
    const { status, out, err } = await run([...args, '--duplicates', '0.1', '--seed', '5'], env);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const summary = JSON.parse(out) as {
      sent: number;
      refused: number;
      unexpected: number;
      expected: Record<string, Record<string, number>>;
    };
    expect(summary).toMatchObject({ sent: 900, unexpected: 0 });
    expect(summary.refused).toBeGreaterThan(40);
    expect(Object.keys(summary.expected).sort()).toEqual([...NAMES].sort());

    const rows = await settled();
    expect(rows.filter(({ status: state }) => state === 'dead')).toEqual([]);
    const waiting = rows.filter(({ status: state }) => state === 'deferred');
    expect(new Set(waiting.map((row) => row.waiting_for))).toEqual(new Set(['api_key']));
    for (const { provider, n } of waiting) {
      const foretold = summary.expected[provider]?.deferred ?? 0;
      // Besides, an event that showed that the endpoint is there, and Plaid's hints, which count by the second.
      const more = n - (before.get(`${provider} deferred`) ?? 0) - foretold;
      if (provider !== 'plaid') expect({ provider, more: more === 0 || more === 1 }).toEqual({ provider, more: true });
      expect(foretold).toBeGreaterThan(0);
    }
    await expectSums(database.sql);
  });

  it('says in words what posts and what waits', async () => {
    const { status, out } = await run(
      ['simulate', '--providers', 'stripe,klarna', '--rate', '60', '--seconds', '1'],
      env,
    );
    expect(status).toBe(0);
    expect(out).toMatch(/PROCESSOR +EVENTS +POST +NO MONEY +WAIT\n/);
    expect(out).toMatch(/stripe +\d+ +\d+ +\d+ +0\n/);
    expect(out).toContain('klarna: waits for api_key: the event names its order only');
  });
});
