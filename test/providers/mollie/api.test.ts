import { describe, expect, it } from 'vitest';
import { api } from '../../../src/providers/mollie/api.ts';
import type { ApiCall, EndpointSettings, Fetched, ObjectReference } from '../../../src/providers/provider.ts';

const NOW = 1_767_225_600_000;

async function fetchObject(
  object: ObjectReference,
  answer: { status: number; headers?: Record<string, string>; body?: string },
  settings: EndpointSettings = { api_key: 'live_madeKeyOfNoAccount1' },
): Promise<{ fetched: Fetched; calls: ApiCall[] }> {
  const calls: ApiCall[] = [];
  const fetched = await api.fetchObject(object, {
    settings,
    now: NOW,
    call: (call) => {
      calls.push(call);
      return Promise.resolve({ headers: {}, ...answer, body: Buffer.from(answer.body ?? '') });
    },
  });
  return { fetched, calls };
}
const payment = { kind: 'payment', id: 'tr_MADE1' };

describe('what Mollie is asked', () => {
  it('asks for a payment with everything that moved money on it', async () => {
    const { fetched, calls } = await fetchObject(payment, { status: 200, body: '{}' });
    expect(fetched).toEqual({ kind: 'found', body: Buffer.from('{}') });
    expect(calls).toEqual([
      {
        method: 'GET',
        host: 'api.mollie.com',
        path: '/v2/payments/tr_MADE1?embed=captures%2Crefunds%2Cchargebacks',
        headers: { authorization: 'Bearer live_madeKeyOfNoAccount1', accept: 'application/hal+json' },
      },
    ]);
  });

  it('puts an id into the path encoded, whatever it holds', async () => {
    const { calls } = await fetchObject({ kind: 'event', id: 'a/../../v2?x#y' }, { status: 200 });
    expect(calls.map((call) => call.path)).toEqual(['/v2/events/a%2F..%2F..%2Fv2%3Fx%23y']);
    expect(api.hosts).toEqual(['api.mollie.com']);
  });

  it('tells an access token that test mode is meant', async () => {
    const settings = { api_key: 'access_madeTokenOfNobody1', mode: 'test' } as const;
    const { calls } = await fetchObject(payment, { status: 200 }, settings);
    expect(calls[0]?.path).toMatch(/&testmode=true$/);
  });

  it('asks for nothing it has no address for', async () => {
    const { fetched, calls } = await fetchObject({ kind: 'object', id: 'ord_1' }, { status: 200 });
    expect([fetched.kind, calls]).toEqual(['missing', []]);
  });

  it('tells a missing object from a refused key and from a processor that is busy', async () => {
    expect((await fetchObject(payment, { status: 404 })).fetched.kind).toBe('missing');
    expect((await fetchObject(payment, { status: 401 })).fetched.kind).toBe('refused');
    expect((await fetchObject(payment, { status: 429, headers: { 'retry-after': '7' } })).fetched).toMatchObject({
      kind: 'later',
      at: NOW + 7_000,
    });
    expect((await fetchObject(payment, { status: 503, headers: { 'retry-after': '99999999' } })).fetched).toMatchObject(
      {
        kind: 'later',
        at: NOW + 3_600_000,
      },
    );
  });
});
