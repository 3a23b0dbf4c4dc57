import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sign } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { greeted, type Launched, launch, run } from '../support/launcher.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

const SECRET = 'whsec_rolling_tests_secret';
const PROBE_MS = 100;
const SENDERS = 3;

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-rolling-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const environment = () => ({
  DATABASE_URL: database.url,
  POSTERN_DATA_DIR: folder,
  POSTERN_ENCRYPTION_KEYS: TEST_KEYS,
  POSTERN_ADMIN_TOKEN: 'an-admin-token-for-tests-only',
  ACK_DEADLINE_MS: '15000',
  DRAIN_DELAY_MS: '3000',
  PORT: '0',
});

type Instance = { readonly launched: Launched; readonly url: string; statuses: string[] };

/** As a balancer does: asks each whether it is ready, and sends only where it is. */
function createBalancer() {
  const instances = new Set<Instance>();
  const ready = new Set<Instance>();
  let turn = 0;
  const timer = setInterval(() => {
    for (const one of instances) void probe(one);
  }, PROBE_MS);
  async function probe(one: Instance): Promise<void> {
    try {
      const response = await fetch(`${one.url}/api/v1/ready`);
      one.statuses.push(((await response.json()) as { status: string }).status);
      if (response.ok) ready.add(one);
      else ready.delete(one);
    } catch {
      ready.delete(one);
    }
  }
  return {
    async add(): Promise<Instance> {
      const launched = launch(['start'], environment());
      const one: Instance = { launched, url: await greeted(launched), statuses: [] };
      instances.add(one);
      await eventually(() => expect(ready.has(one)).toBe(true), { timeoutMs: 15_000 });
      return one;
    },
    async remove(one: Instance): Promise<number | null> {
      one.launched.child.kill('SIGTERM');
      const { status } = await one.launched.ended;
      instances.delete(one);
      ready.delete(one);
      return status;
    },
    next(): string {
      const all = [...ready];
      turn += 1;
      const one = all[turn % all.length];
      if (one === undefined) throw new Error('no instance is ready');
      return one.url;
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      for (const one of instances) one.launched.child.kill('SIGTERM');
      await Promise.all([...instances].map(({ launched }) => launched.ended));
    },
  };
}

it('a rolling deploy behind a balancer that heeds "ready" fails no delivery and loses none', async () => {
  expect((await run(['endpoint', 'add', 'stripe', 'main', '--secret', SECRET], environment())).status).toBe(0);
  const balancer = createBalancer();
  const answers: (number | string)[] = [];
  let sending = true;
  try {
    const olds = [await balancer.add(), await balancer.add()];
    let n = 0;
    const senders = Array.from({ length: SENDERS }, async () => {
      while (sending) {
        n += 1;
        const body = chargeSucceeded(`rolling_${n}`);
        const headers = Object.fromEntries(sign({ body: Buffer.from(body), url: '' }, SECRET, Date.now()));
        const sent = fetch(`${balancer.next()}/webhooks/stripe/main`, { method: 'POST', body, headers });
        answers.push(
          await sent.then(
            ({ status }) => status,
            (error: unknown) => String(error),
          ),
        );
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    for (const old of olds) {
      await balancer.add();
      expect(await balancer.remove(old)).toBe(0);
      expect(old.statuses).toContain('draining');
    }
    sending = false;
    await Promise.all(senders);
    expect(answers.length).toBeGreaterThan(50);
    expect(answers.filter((answer) => answer !== 200)).toEqual([]);
    await eventually(
      async () => {
        const { rows } = await database.sql.query<{ events: number; posted: number }>(
          `select count(*)::int as events, count(*) filter (where status = 'posted')::int as posted from postern.events`,
        );
        expect(rows[0]).toEqual({ events: answers.length, posted: answers.length });
      },
      { timeoutMs: 20_000 },
    );
  } finally {
    sending = false;
    await balancer.stop();
  }
}, 120_000);
