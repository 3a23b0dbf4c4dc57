import { describe, expect, it } from 'vitest';
import { api } from '../../../src/providers/flutterwave/api.ts';
import type { ApiCall, Fetched, ObjectReference } from '../../../src/providers/provider.ts';

const NOW = 1_767_225_600_000;

async function ask(object: ObjectReference, status: number): Promise<{ fetched: Fetched; calls: ApiCall[] }> {
  const calls: ApiCall[] = [];
  const fetched = await api.fetchObject(object, {
    settings: { api_key: 'FLWSECK-made-X' },
    now: NOW,
    call: (call) => {
      calls.push(call);
      return Promise.resolve({ status, headers: {}, body: Buffer.from('{}') });
    },
  });
  return { fetched, calls };
}

describe('what Flutterwave is asked', () => {
  it('verifies transactions and reads transfers, at the one host, with the key', async () => {
    const paid = await ask({ kind: 'payment', id: '7' }, 200);
    expect(paid.calls).toEqual([
      {
        method: 'GET',
        host: 'api.flutterwave.com',
        path: '/v3/transactions/7/verify',
        headers: { authorization: 'Bearer FLWSECK-made-X', accept: 'application/json' },
      },
    ]);
    expect(paid.fetched.kind).toBe('found');
    expect((await ask({ kind: 'transfer', id: '7' }, 200)).calls[0]?.path).toBe('/v3/transfers/7');
    expect((await ask({ kind: 'payment', id: '../x?y' }, 200)).calls[0]?.path).toBe(
      '/v3/transactions/..%2Fx%3Fy/verify',
    );
    expect((await ask({ kind: 'refund', id: '7' }, 200)).calls).toEqual([]);
  });

  it('tells an unknown id from a refused key and from a processor that is away', async () => {
    const kind = async (status: number): Promise<string> =>
      (await ask({ kind: 'payment', id: '7' }, status)).fetched.kind;
    expect([await kind(400), await kind(404), await kind(401), await kind(429), await kind(500)]).toEqual([
      'missing',
      'missing',
      'refused',
      'later',
      'later',
    ]);
  });
});
