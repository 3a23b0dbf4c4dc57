import { expect, it } from 'vitest';
import { braintree } from '../../../src/providers/braintree/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { FIRST, NOW, transaction, xml } from './samples.ts';

const SETTINGS = { merchant_id: 'made_merchant', api_key: FIRST };
const fetchObject = async (
  object: { kind: string; id: string },
  answer: Parameters<typeof apiContext>[2],
  settings: object = SETTINGS,
) => {
  const { context, calls } = apiContext({ ...settings }, NOW, answer);
  return { found: await braintree.api?.fetchObject(object, context), calls };
};

it('asks for the transaction, and keeps its XML as JSON', async () => {
  const body = xml('transaction', transaction());
  const { found, calls } = await fetchObject({ kind: 'transaction', id: 'madetx01' }, () => ({ status: 200, body }));
  expect(calls).toEqual([
    {
      method: 'GET',
      host: 'api.braintreegateway.com',
      path: '/merchants/made_merchant/transactions/madetx01',
      headers: expect.objectContaining({ authorization: `Basic ${Buffer.from(FIRST).toString('base64')}` }),
    },
  ]);
  expect(found?.kind === 'found' && JSON.parse(found.body.toString())).toMatchObject({
    transaction: { id: 'madetx01', amount: '12.34' },
  });
});

it('asks the sandbox in test mode, on a path no id can leave', async () => {
  const { calls } = await fetchObject({ kind: 'transaction', id: '../../x?y#z' }, () => ({ status: 404 }), {
    ...SETTINGS,
    mode: 'test',
  });
  expect(calls).toMatchObject([
    { host: 'api.sandbox.braintreegateway.com', path: '/merchants/made_merchant/transactions/..%2F..%2Fx%3Fy%23z' },
  ]);
  for (const { host } of calls) expect(braintree.api?.hosts).toContain(host);
});

it('says what the answer means', async () => {
  const kind = async (status: number, body = '') =>
    (await fetchObject({ kind: 'transaction', id: 'x' }, () => ({ status, body }))).found?.kind;
  expect(await kind(404)).toBe('missing');
  expect(await kind(401)).toBe('refused');
  expect(await kind(503)).toBe('later');
  expect(await kind(200, 'no xml')).toBe('refused');
  expect(await kind(200, '<!DOCTYPE x><transaction/>')).toBe('refused');
});

it('asks nothing without a key, or for what it does not know', async () => {
  for (const [object, settings] of [
    [{ kind: 'transaction', id: 'x' }, {}],
    [{ kind: 'transaction', id: 'x' }, { api_key: FIRST }],
    [{ kind: 'teleport', id: 'x' }, SETTINGS],
  ] as const) {
    const { found, calls } = await fetchObject(object, () => ({ status: 200 }), settings);
    expect(calls).toEqual([]);
    expect(found?.kind).toMatch(/^(refused|missing)$/);
  }
});
