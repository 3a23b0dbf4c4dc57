import { expect, it } from 'vitest';
import { klarna } from '../../../src/providers/klarna/index.ts';
import type { ApiCall, EndpointSettings } from '../../../src/providers/provider.ts';
import { NOW, SETTINGS } from './samples.ts';

async function asked(settings: EndpointSettings, id = 'made-order', kind = 'order', status = 200) {
  const calls: ApiCall[] = [];
  const found = await klarna.api?.fetchObject(
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

it('asks for the order where region and mode say, with user and password', async () => {
  const { found, calls } = await asked(SETTINGS);
  expect(found).toMatchObject({ kind: 'found' });
  expect(calls).toEqual([
    {
      method: 'GET',
      host: 'api.playground.klarna.com',
      path: '/ordermanagement/v1/orders/made-order',
      headers: {
        authorization: `Basic ${Buffer.from('made_user:made_password').toString('base64')}`,
        accept: 'application/json',
      },
    },
  ]);
  expect((await asked({ ...SETTINGS, mode: 'live', region: 'na' })).calls[0]?.host).toBe('api-na.klarna.com');
  expect((await asked({ ...SETTINGS, region: 'oc' })).calls[0]?.host).toBe('api-oc.playground.klarna.com');
  for (const host of klarna.api?.hosts ?? []) expect(host).toMatch(/^api(?:-na|-oc)?(?:\.playground)?\.klarna\.com$/);
});

it('lets no id leave its place in the path, and asks for nothing else', async () => {
  expect((await asked(SETTINGS, '../x?y#')).calls[0]?.path).toBe('/ordermanagement/v1/orders/..%2Fx%3Fy%23');
  expect(await asked(SETTINGS, 'x', 'dispute')).toMatchObject({ found: { kind: 'missing' }, calls: [] });
});

it('tells missing, refused and later apart', async () => {
  for (const [status, kind] of [
    [404, 'missing'],
    [401, 'refused'],
    [403, 'refused'],
    [429, 'later'],
    [502, 'later'],
  ] as const) {
    expect((await asked(SETTINGS, 'x', 'order', status)).found, String(status)).toMatchObject({ kind });
  }
});
