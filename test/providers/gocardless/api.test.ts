import { describe, expect, it } from 'vitest';
import { gocardless } from '../../../src/providers/gocardless/index.ts';
import type { ApiAnswer, ApiCall, EndpointSettings, Fetched } from '../../../src/providers/provider.ts';
import { NOW } from './samples.ts';

const ok = (body: string): ApiAnswer => ({ status: 200, headers: {}, body: Buffer.from(body) });

async function fetched(
  kind: string,
  id: string,
  answers: readonly ApiAnswer[],
  settings: EndpointSettings = { api_key: 'live_made_token' },
): Promise<{ found: Fetched; calls: readonly ApiCall[] }> {
  const calls: ApiCall[] = [];
  const found = await gocardless.api?.fetchObject(
    { kind, id },
    {
      settings,
      now: NOW,
      async call(one) {
        calls.push(one);
        const answer = answers[calls.length - 1];
        if (answer === undefined) throw new Error('one call too many');
        return answer;
      },
    },
  );
  if (found === undefined) throw new Error('no api');
  return { found, calls };
}

describe('fetchObject', () => {
  it('puts a payment and the list of its events together', async () => {
    const { found, calls } = await fetched('payment', 'PM1', [
      ok('{"payments":{"amount":9007199254740993}}'),
      ok('{"events":[]}'),
    ]);
    expect(found).toMatchObject({ kind: 'found' });
    expect(found.kind === 'found' && found.body.toString()).toBe(
      '{"payment":{"payments":{"amount":9007199254740993}},"history":{"events":[]}}',
    );
    expect(calls.map(({ host, path }) => `${host}${path}`)).toEqual([
      'api.gocardless.com/payments/PM1',
      'api.gocardless.com/events?payment=PM1&limit=500',
    ]);
    expect(calls[0]).toMatchObject({
      method: 'GET',
      headers: { authorization: 'Bearer live_made_token', 'gocardless-version': '2015-07-06' },
    });
  });

  it('asks the environment the key is of', async () => {
    const host = async (settings: EndpointSettings) =>
      (await fetched('refund', 'RF1', [ok('{}')], settings)).calls[0]?.host;
    expect(await host({ api_key: 'sandbox_made_token' })).toBe('api-sandbox.gocardless.com');
    expect(await host({ api_key: 'made_token', mode: 'test' })).toBe('api-sandbox.gocardless.com');
    expect(await host({ api_key: 'made_token', mode: 'live' })).toBe('api.gocardless.com');
  });

  it('lets no id leave its place in the path', async () => {
    const { calls } = await fetched('payout', '../events?x=1#', [ok('{}')]);
    expect(calls[0]?.path).toBe('/payouts/..%2Fevents%3Fx%3D1%23');
    const { calls: list } = await fetched('bounced_payouts', 'CR1&limit=1', [ok('{}')]);
    expect(list[0]?.path).toBe('/payouts?creditor=CR1%26limit%3D1&status=bounced&limit=500');
  });

  it('tells missing, refused and later apart', async () => {
    const of = async (status: number, headers: Record<string, string> = {}) =>
      (await fetched('payment', 'PM1', [{ status, headers, body: Buffer.from('{}') }])).found;
    expect(await of(404)).toMatchObject({ kind: 'missing' });
    expect(await of(410)).toMatchObject({ kind: 'missing' });
    for (const status of [401, 403, 400, 302])
      expect(await of(status), String(status)).toMatchObject({ kind: 'refused' });
    expect(await of(503)).toMatchObject({ kind: 'later', at: NOW + 30_000 });
    expect(await of(429, { 'retry-after': '7' })).toMatchObject({ kind: 'later', at: NOW + 7_000 });
    expect(await of(429, { 'retry-after': '999999999' })).toMatchObject({ kind: 'later', at: NOW + 3_600_000 });
    expect(await of(429, { 'retry-after': 'never' })).toMatchObject({ kind: 'later', at: NOW + 30_000 });
    expect(await of(429, { 'retry-after': new Date(NOW + 90_000).toUTCString() })).toMatchObject({ at: NOW + 90_000 });
  });

  it('passes on that the list of events could not be read, and takes no page of a proxy for an answer', async () => {
    const away = { status: 500, headers: {}, body: Buffer.alloc(0) };
    expect((await fetched('payment', 'PM1', [ok('{}'), away])).found).toMatchObject({ kind: 'later' });
    expect((await fetched('payment', 'PM1', [ok('<html>')])).found).toMatchObject({ kind: 'later' });
    expect((await fetched('teleport', 'X', [])).found).toMatchObject({ kind: 'missing' });
  });
});
