import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import { expect, it } from 'vitest';
import { amazonPay } from '../../../src/providers/amazon-pay/index.ts';
import { apiContext } from '../../support/api-context.ts';
import { authority, charge, NOW } from './samples.ts';

const CHARGE = 'S02-0000001-0000001-C000001';
const SETTINGS = { region: 'eu', public_key_id: 'MADEBYUS0000000000000001', api_key: authority.privateKeyPem };
const ask = async (object: { kind: string; id: string }, settings: object = SETTINGS, status = 200) => {
  const { context, calls } = apiContext({ ...settings }, NOW, () => ({ status, body: JSON.stringify(charge()) }));
  return { found: await amazonPay.api?.fetchObject(object, context), calls };
};

it('asks for the object where it is kept', async () => {
  const path = async (kind: string, id: string, settings: object = SETTINGS) =>
    (await ask({ kind, id }, settings)).calls.map((call) => `${call.method} ${call.host}${call.path}`).join();
  expect(await path('payment', CHARGE)).toBe(`GET pay-api.amazon.eu/sandbox/v2/charges/${CHARGE}`);
  expect(await path('refund', 'P01-1-R1')).toBe('GET pay-api.amazon.eu/live/v2/refunds/P01-1-R1');
  expect(await path('dispute', 'P01-1-B1', { ...SETTINGS, region: 'us' })).toBe(
    'GET pay-api.amazon.com/live/v2/disputes/P01-1-B1',
  );
  const prefixed = { ...SETTINGS, region: 'jp', public_key_id: 'SANDBOX-MADEBYUS00000001' };
  expect(await path('payment', CHARGE, prefixed)).toBe(`GET pay-api.amazon.jp/v2/charges/${CHARGE}`);
  expect(await path('payment', 'S/../../x?y')).toBe('GET pay-api.amazon.eu/sandbox/v2/charges/S%2F..%2F..%2Fx%3Fy');
});

it('signs the request as Amazon Pay checks it', async () => {
  const { found, calls } = await ask({ kind: 'payment', id: CHARGE });
  expect(found?.kind === 'found' && JSON.parse(found.body.toString())).toMatchObject({ chargeId: CHARGE });
  const [call] = calls;
  if (call === undefined) throw new Error('nothing was asked');
  expect(amazonPay.api?.hosts).toContain(call.host);
  const [, id, names = '', signature = ''] =
    /^AMZN-PAY-RSASSA-PSS-V2 PublicKeyId=([^,]+), SignedHeaders=([^,]+), Signature=(.+)$/.exec(
      call.headers.authorization ?? '',
    ) ?? [];
  expect(id).toBe(SETTINGS.public_key_id);
  expect(names).toBe('accept;content-type;x-amz-pay-date;x-amz-pay-host;x-amz-pay-region');
  expect(call.headers['x-amz-pay-date']).toBe('20260101T000000Z');
  // developer.amazon.com/docs/amazon-pay-api-v2/signing-requests.html, step by step.
  const lines = names.split(';').map((name) => `${name}:${call.headers[name]}\n`);
  const canonical = `GET\n${call.path}\n\n${lines.join('')}\n${names}\n${createHash('sha256').digest('hex')}`;
  const text = `AMZN-PAY-RSASSA-PSS-V2\n${createHash('sha256').update(canonical).digest('hex')}`;
  const key = createPublicKey(authority.privateKeyPem);
  const padding = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  expect(verify('RSA-SHA256', Buffer.from(text), padding, Buffer.from(signature, 'base64'))).toBe(true);
});

it('says what the answer means', async () => {
  const kind = async (status: number) => (await ask({ kind: 'payment', id: CHARGE }, SETTINGS, status)).found?.kind;
  expect(await kind(404)).toBe('missing');
  expect(await kind(403)).toBe('refused');
  expect(await kind(429)).toBe('later');
  expect(await kind(500)).toBe('later');
});

it('asks nothing without its settings, or for what it does not know', async () => {
  for (const settings of [
    {},
    { ...SETTINGS, region: 'constructor' },
    { ...SETTINGS, public_key_id: 'x\ny' },
    { ...SETTINGS, api_key: 'x' },
  ]) {
    const { found, calls } = await ask({ kind: 'payment', id: CHARGE }, settings);
    expect(calls).toEqual([]);
    expect(found?.kind).toBe('refused');
  }
  expect((await ask({ kind: 'constructor', id: 'x' })).found?.kind).toBe('missing');
});
