import { expect, it } from 'vitest';
import type { ApiCall, EndpointSettings, Fetched } from '../../../src/providers/provider.ts';
import { wise } from '../../../src/providers/wise/index.ts';
import { NOW, SETTINGS } from './samples.ts';

async function fetched(
  id: string,
  status = 200,
  settings: EndpointSettings = SETTINGS,
  kind = 'transfer',
): Promise<{ found: Fetched | undefined; calls: readonly ApiCall[] }> {
  const calls: ApiCall[] = [];
  const found = await wise.api?.fetchObject(
    { kind, id },
    {
      settings,
      now: NOW,
      async call(one) {
        calls.push(one);
        return { status, headers: {}, body: Buffer.from('{}') };
      },
    },
  );
  return { found, calls };
}

it('asks for the transfer, where the mode says, with the token', async () => {
  const { found, calls } = await fetched('8001');
  expect(found).toMatchObject({ kind: 'found' });
  expect(calls).toEqual([
    {
      method: 'GET',
      host: 'api.wise-sandbox.com',
      path: '/v1/transfers/8001',
      headers: { authorization: 'Bearer made-api-token', accept: 'application/json' },
    },
  ]);
  expect((await fetched('8001', 200, { ...SETTINGS, mode: 'live' })).calls[0]?.host).toBe('api.wise.com');
});

it('lets no id leave its place in the path, and asks for nothing else', async () => {
  expect((await fetched('../profiles?x=#')).calls[0]?.path).toBe('/v1/transfers/..%2Fprofiles%3Fx%3D%23');
  expect(await fetched('8001', 200, SETTINGS, 'balance')).toMatchObject({ found: { kind: 'missing' }, calls: [] });
});

it('tells missing, refused and later apart', async () => {
  expect((await fetched('8001', 404)).found).toMatchObject({ kind: 'missing' });
  for (const status of [401, 403]) expect((await fetched('8001', status)).found).toMatchObject({ kind: 'refused' });
  for (const status of [429, 500, 503]) expect((await fetched('8001', status)).found).toMatchObject({ kind: 'later' });
});
