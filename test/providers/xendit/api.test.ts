import { expect, it } from 'vitest';
import type { ApiCall, Fetched, ObjectReference } from '../../../src/providers/provider.ts';
import { api } from '../../../src/providers/xendit/api.ts';

async function ask(object: ObjectReference, status = 200): Promise<{ fetched: Fetched; calls: ApiCall[] }> {
  const calls: ApiCall[] = [];
  const fetched = await api.fetchObject(object, {
    settings: { api_key: 'xnd_development_made' },
    now: 0,
    call: (call) => {
      calls.push(call);
      return Promise.resolve({ status, headers: {}, body: Buffer.from('{}') });
    },
  });
  return { fetched, calls };
}

it('asks the one host for each kind, with the key as user name and no password', async () => {
  const { calls } = await ask({ kind: 'invoice', id: 'a/b?c' });
  const authorization = `Basic ${Buffer.from('xnd_development_made:').toString('base64')}`;
  expect(calls).toEqual([
    {
      method: 'GET',
      host: 'api.xendit.co',
      path: '/v2/invoices/a%2Fb%3Fc',
      headers: { authorization, accept: 'application/json' },
    },
  ]);
  const path = async (kind: string): Promise<string | undefined> => (await ask({ kind, id: 'x' })).calls[0]?.path;
  expect(await path('payment')).toBe('/v3/payments/x');
  expect(await path('refund')).toBe('/refunds/x');
  expect(await path('transfer')).toBe('/v2/payouts/x');
  expect(await path('va_payment')).toBe('/callback_virtual_account_payments/payment_id=x');
  expect(await path('teleport')).toBeUndefined();
  expect((await ask({ kind: 'payment', id: 'x' })).calls[0]?.headers['api-version']).toBe('2024-11-11');
});

it('tells a missing object from a refused key and from a processor that is away', async () => {
  const kind = async (status: number): Promise<string> => (await ask({ kind: 'refund', id: 'x' }, status)).fetched.kind;
  expect([await kind(200), await kind(404), await kind(403), await kind(429), await kind(503)]).toEqual([
    'found',
    'missing',
    'refused',
    'later',
    'later',
  ]);
});
