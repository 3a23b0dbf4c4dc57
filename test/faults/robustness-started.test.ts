import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import { eventually } from '../support/eventually.ts';
import { sendRaw } from '../support/raw-request.ts';
import { robustnessCases } from '../support/robustness-cases.ts';
import { signedAnew } from '../support/sign-anew.ts';
import { type StartedGateway, startAsUser } from '../support/started-gateway.ts';

/** An empty secret cannot be configured at all: test/ingest/robustness.test.ts shows that. */
const cases = robustnessCases((provider) => providers.has(provider)).filter((one) => !one.secrets.includes(''));

let gateway: StartedGateway | undefined;

describe.skipIf(cases.length === 0)('hostile and odd requests, signed now, against "postern start"', () => {
  beforeAll(async () => {
    gateway = await startAsUser();
    for (const [n, one] of cases.entries()) {
      const made = await gateway.api('/api/v1/endpoints', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          provider: one.provider,
          name: `case-${n}`,
          secrets: one.secrets,
          settings: { ...one.settings, account: `case-${n}` },
        }),
      });
      expect(made.status, await made.text()).toBe(201);
    }
  }, 180_000);
  afterAll(async () => {
    const ended = await gateway?.stop();
    expect(ended?.status ?? 0, ended?.err).toBe(0);
  });

  it.each(cases.map((one, n) => [one.name, one, n] as const))('%s', async (_, one, n) => {
    if (gateway === undefined) throw new Error('the gateway did not start');
    const { url, api } = gateway;
    const { requests } = signedAnew(one, Date.now());
    const send = (request: (typeof requests)[number]): Promise<number> =>
      sendRaw(url, { ...request, path: `/webhooks/${one.provider}/case-${n}` });
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
      const found = await api(`/api/v1/events?provider=${one.provider}&endpoint=case-${n}&limit=500`);
      expect(found.status).toBe(200);
      const { items } = (await found.json()) as { items: { status: string }[] };
      expect(one.stored).toContain(items.length);
      expect(items.filter((event) => event.status === 'queued')).toEqual([]);
    });
  });
});
