import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { adyen } from '../../../src/providers/adyen/index.ts';
import { signPlatform } from '../../../src/providers/adyen/sign.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { effectsIn, outcomeOf } from '../../support/meaning-outcome.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';

const OURS: EndpointSettings = { balance_accounts: ['BAMADE1'] };
const booked = (mutation: object = { balance: -10000, currency: 'EUR' }) => ({
  type: 'accounting',
  status: 'booked',
  bookingDate: '2026-01-01T01:00:00+01:00',
  mutations: [mutation],
});
const received = { type: 'accounting', status: 'received', bookingDate: '2025-12-31T23:00:00Z', mutations: [] };

function body(change: object = {}, type = 'balancePlatform.transfer.updated'): Buffer {
  const data = {
    id: 'TRMADE1',
    balanceAccount: { id: 'BAMADE1' },
    category: 'bank',
    type: 'bankTransfer',
    direction: 'outgoing',
    status: 'booked',
    amount: { value: 10000, currency: 'EUR' },
    creationDate: '2025-12-31T22:00:00Z',
    sequenceNumber: 3,
    events: [received, booked()],
    ...change,
  };
  return Buffer.from(JSON.stringify({ type, environment: 'live', timestamp: '2026-01-02T00:00:00Z', data }));
}

const transfer = (change: object = {}, settings = OURS) => meaningOf(adyen, body(change), settings);

describe('a bank transfer out of our balance account', () => {
  it('is a payout once it is booked', () => {
    expect(effectsIn(transfer())).toEqual([
      {
        type: 'payout.created',
        key: 'TRMADE1:created',
        at: Date.UTC(2026, 0, 1),
        payout: 'TRMADE1',
        amount: 10000n,
        currency: 'EUR',
      },
    ]);
    expect(effectsIn(transfer({ status: 'credited' }))).toEqual(effectsIn(transfer()));
    for (const status of ['received', 'authorised', 'pendingExecution'])
      expect(outcomeOf(transfer({ status })), status).toBe('no_effect');
  });

  it('is taken back when it fails or returns after that, also long after', () => {
    const returned = { ...received, status: 'returned', bookingDate: '2026-01-03T00:00:00Z' };
    const [sent, back] = effectsIn(transfer({ status: 'returned', events: [received, booked(), returned] }));
    expect(sent).toEqual(effectsIn(transfer())[0]);
    expect(back).toMatchObject({
      type: 'payout.returned',
      key: 'TRMADE1:returned',
      amount: 10000n,
      at: Date.UTC(2026, 0, 3),
    });
    expect(outcomeOf(transfer({ status: 'failed' }))).toBe('payout.created payout.failed');
    expect(outcomeOf(transfer({ status: 'cancelled', events: undefined }))).toBe('payout.created payout.cancelled');
  });

  it('moved nothing when it ended before', () => {
    for (const status of ['refused', 'rejected', 'cancelled', 'failed', 'expired'])
      expect(outcomeOf(transfer({ status, events: [received] })), status).toBe('no_effect');
  });

  it('leaves the balance in its own currency', () => {
    const events = [received, booked({ balance: -1100, currency: 'USD' })];
    expect(effectsIn(transfer({ events }))).toMatchObject([
      { amount: 1100n, currency: 'USD', settled: { amount: 10000n, currency: 'EUR' } },
    ]);
  });

  it('is nobody’s until balance_accounts says whose, and not booked for others', () => {
    expect(outcomeOf(transfer({}, {}))).toBe('deferred: adapter');
    expect(outcomeOf(transfer({ balanceAccount: { id: 'BASELLER' } }))).toBe('no_effect');
    expect(outcomeOf(transfer({ balanceAccount: undefined }))).toBe('no_effect');
    expect(outcomeOf(transfer({ balanceAccount: undefined, balanceAccountId: 'BAMADE1' }))).toBe('payout.created');
  });

  it('waits or fails where it is not understood', () => {
    expect(outcomeOf(transfer({ status: 'constructor' }))).toBe('deferred: adapter');
    expect(outcomeOf(transfer({ direction: 'incoming' }))).toBe('deferred: adapter');
    expect(outcomeOf(transfer({ direction: 'incoming', status: 'received' }))).toBe('no_effect');
    expect(outcomeOf(transfer({ direction: 'incoming', status: 'refused', events: [received] }))).toBe('no_effect');
    expect(outcomeOf(transfer({ direction: 'incoming', status: 'returned' }))).toBe('deferred: adapter');
    expect(outcomeOf(transfer({ type: 'bankDirectDebit' }))).toBe('deferred: adapter');
    expect(outcomeOf(transfer({ category: 'issuedCard' }))).toBe('deferred: adapter');
    expect(outcomeOf(transfer({ amount: undefined }))).toBe('deferred: object');
    expect(outcomeOf(transfer({ amount: { value: 1, currency: 'XTS' } }))).toBe('deferred: currency');
    expect(() => transfer({ amount: { value: -1, currency: 'EUR' } })).toThrow(
      expect.objectContaining({ code: 'amount_invalid' }),
    );
    expect(outcomeOf(meaningOf(adyen, body({}, 'balancePlatform.transfer.teleported'), OURS))).toBe(
      'deferred: adapter',
    );
  });
});

it('moves between balance accounts, and parts of payments, are evidence', () => {
  for (const category of ['internal', 'platformPayment', 'topUp'])
    for (const settings of [OURS, {}]) expect(outcomeOf(transfer({ category }, settings)), category).toBe('no_effect');
});

it('is of its balance account', () => {
  const request = {
    method: 'POST',
    url: 'https://x.example/',
    headers: signPlatform(body(), '00'.repeat(32)),
    body: body(),
  };
  expect(adyen.identify(request, {})).toMatchObject({
    events: [{ id: 'balancePlatform.transfer.updated:TRMADE1:3', account: 'BAMADE1', live: true }],
  });
});

it('says what is wrong with balance_accounts', () => {
  for (const balance_accounts of [[], 'BA1', ['AH1'], [1], ['BA:1']])
    expect(adyen.checkSettings({ balance_accounts })).not.toEqual([]);
  expect(adyen.checkSettings(OURS)).toEqual([]);
});

const folder = samplesFolder('webhooks', 'adyen', 'samples');
describe.skipIf(!existsSync(folder))('the platform samples', () => {
  const expected: Readonly<Record<string, string>> = {
    'post-balancePlatform.transfer.updated-02.payout-booked.json': 'payout.created',
    'post-balancePlatform.transfer.updated-05.directDebit-booked.json': 'deferred: adapter',
  };
  const files = existsSync(folder)
    ? ['accounting', 'balance', 'negative-balance', 'report', 'transaction', 'transfers'].flatMap((kind) =>
        readdirSync(`${folder}/${kind}`)
          .filter((name) => name !== 'WebhookAck.json')
          .map((name) => `${kind}/${name}`),
      )
    : [];

  it.each(files)('%s', (file) => {
    const sample = readFileSync(`${folder}/${file}`);
    const { data } = JSON.parse(sample.toString()) as { data: { balanceAccount?: { id: string } } };
    const settings = { balance_accounts: [data.balanceAccount?.id ?? 'BA0'] };
    expect(outcomeOf(meaningOf(adyen, sample, settings))).toBe(expected[file.split('/')[1] ?? ''] ?? 'no_effect');
    const request = { method: 'POST', url: 'https://x.example/', headers: [], body: sample };
    expect(adyen.identify(request, {}).kind).toBe('events');
  });
});
