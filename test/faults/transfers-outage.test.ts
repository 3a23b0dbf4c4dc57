import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { createOwnPostgres, type OwnPostgres } from '../support/own-postgres.ts';
import { serviceCalls } from '../support/service-calls.ts';

let postgres: OwnPostgres;
let gateway: ChildGateway;

beforeAll(async () => {
  postgres = await createOwnPostgres();
  const env = { POSTERN_ADMIN_TOKEN: ADMIN_TOKEN, ACK_DEADLINE_MS: '1500' };
  gateway = await startChildGateway(postgres.url, { work: false, env });
});
afterAll(async () => {
  await gateway.stop().finally(() => postgres.remove());
});

it('answers 503 with Retry-After while the database is away or does not answer, and the same keys are done afterwards', async () => {
  const calls = serviceCalls([gateway.url]);
  const id = await calls.made({ to: 'a', amount: '"10.00"', key: 'before' });
  const sent: string[] = [];
  async function refusedWith(tag: string): Promise<void> {
    const begun = performance.now();
    const answers = await Promise.all([
      ...Array.from({ length: 20 }, (_, n) => calls.transfer({ to: 'a', key: `${tag}-${n}` })),
      calls.refund(id, `${tag}-refund`, '"1.00"'),
    ]);
    expect(performance.now() - begun).toBeLessThan(6_000);
    for (const { status, headers } of answers) expect([status, headers.get('retry-after')]).toEqual([503, '5']);
    sent.push(...Array.from({ length: 20 }, (_, n) => `${tag}-${n}`));
  }

  await postgres.stop();
  await refusedWith('stopped');
  expect((await calls.result('before')).status).toBe(503);
  await postgres.start();
  await eventually(async () => expect((await calls.transfer({ to: 'a', key: 'back' })).status).toBe(202), {
    timeoutMs: 15_000,
  });
  postgres.pause();
  await refusedWith('paused');
  postgres.resume();
  await eventually(
    async () => expect([200, 202]).toContain((await calls.transfer({ to: 'a', key: sent.at(-1) ?? '' })).status),
    {
      timeoutMs: 15_000,
    },
  );

  for (const key of sent) expect([200, 202]).toContain((await calls.transfer({ to: 'a', key })).status);
  const { rows } = await postgres.sql.query(
    `select count(*) as n from postern.transactions t join postern.requests r on r.transaction_id = t.id where r.kind = 'transfer'`,
  );
  expect(rows).toEqual([{ n: BigInt(sent.length + 2) }]);
}, 240_000);
