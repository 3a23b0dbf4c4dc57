import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseKeyring } from '../../src/encryption.ts';
import { createEndpointService } from '../../src/endpoints/service.ts';
import { providers } from '../../src/providers/index.ts';
import { type ChildGateway, startChildGateway } from '../support/child-gateway.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { sendRaw } from '../support/raw-request.ts';
import { robustnessCases } from '../support/robustness-cases.ts';
import { signedAnew } from '../support/sign-anew.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

/** An empty secret cannot be configured at all: test/ingest/robustness.test.ts shows that. */
const cases = robustnessCases((provider) => providers.has(provider)).filter((one) => !one.secrets.includes(''));

let database: TestDatabase;
let gateway: ChildGateway;

beforeAll(async () => {
  database = await createTestDatabase();
  const clock = { now: () => Date.now() };
  const service = createEndpointService({ pool: database.appPool, providers, keyring: parseKeyring(TEST_KEYS), clock });
  for (const [n, one] of cases.entries()) {
    const settings = { ...one.settings, account: `case-${n}` };
    await service.create(
      { provider: one.provider, name: `case-${n}`, secrets: one.secrets.map((secret) => ({ secret })), settings },
      'test',
    );
  }
  gateway = await startChildGateway(database.url);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

describe.skipIf(cases.length === 0)('hostile and odd requests, signed now, against a process of its own', () => {
  it.each(cases.map((one, n) => [one.name, one, n] as const))('%s', async (_, one, n) => {
    const { requests } = signedAnew(one, Date.now());
    const send = (request: (typeof requests)[number]): Promise<number> =>
      sendRaw(gateway.url, { ...request, path: `/webhooks/${one.provider}/case-${n}` });
    const answers: number[] = [];
    if (one.concurrent) answers.push(...(await Promise.all(requests.map(send))));
    else for (const request of requests) answers.push(await send(request));

    for (const [index, status] of answers.entries()) {
      const allowed = one.anyOf ? one.http : [one.http[index] ?? one.http[0] ?? [200, 299]];
      expect(
        allowed.some(([low, high]) => status >= low && status <= high),
        `request ${index} was answered ${status}`,
      ).toBe(true);
    }
    await eventually(async () => {
      const { rows } = await database.sql.query<{ status: string }>(
        'select e.status from postern.events e join postern.endpoints n on n.id = e.endpoint_id where n.name = $1',
        [`case-${n}`],
      );
      expect(one.stored).toContain(rows.length);
      expect(rows.filter((row) => row.status === 'queued')).toEqual([]);
    });
  });
});
