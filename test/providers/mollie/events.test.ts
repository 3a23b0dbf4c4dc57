import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mollie } from '../../../src/providers/mollie/index.ts';
import type { EndpointSettings, Normalised, ReceivedEvent } from '../../../src/providers/provider.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { mollieEvent, molliePayment, mollieRefund, NOW } from './samples.ts';

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}
const keys = (meaning: Normalised) => effects(meaning).map((effect) => ('key' in effect ? effect.key : ''));

const received = (body: Buffer, change: Partial<ReceivedEvent> = {}): ReceivedEvent => ({
  item: 0,
  id: 'made',
  type: 'made',
  account: 'main',
  headers: [],
  body,
  receivedAt: NOW + 3_000,
  level: 'body',
  fetched: null,
  ...change,
});
/** A signed event with its entity in it. */
const told = (type: string, entity: Record<string, unknown>, settings: EndpointSettings = {}): Normalised =>
  mollie.normalise(received(mollieEvent(type, entity)), settings);
const BALANCE = { settlement_mode: 'balance' } as const;
/** A classic call, with what Mollie answered about the payment. */
const hinted = (answer: object | null, settings: EndpointSettings = {}): Normalised =>
  mollie.normalise(
    received(Buffer.from('id=tr_MADE1'), {
      level: 'hint',
      fetched: answer === null ? null : Buffer.from(JSON.stringify(answer)),
    }),
    settings,
  );
const chargeback = (change: object = {}): Record<string, unknown> => ({
  resource: 'chargeback',
  id: 'chb_MADE1',
  amount: { value: '20.00', currency: 'EUR' },
  paymentId: 'tr_MADE1',
  createdAt: '2026-01-02T00:00:00+00:00',
  reversedAt: null,
  ...change,
});
const capture = (change: object = {}): Record<string, unknown> => ({
  resource: 'capture',
  id: 'cpt_MADE1',
  amount: { value: '12.00', currency: 'EUR' },
  status: 'succeeded',
  paymentId: 'tr_MADE1',
  createdAt: '2026-01-02T00:00:00+00:00',
  ...change,
});

describe('a classic call', () => {
  it('says nothing itself: the payment is fetched when its ten seconds are over', () => {
    expect(hinted(null)).toEqual({
      kind: 'fetch',
      object: { kind: 'payment', id: 'tr_MADE1' },
      reason: expect.stringContaining('must be fetched'),
      references: [{ kind: 'payment', id: 'tr_MADE1' }],
      amount: null,
      notBefore: NOW + 12_000,
    });
  });

  it('is parked where it names something that is no payment', () => {
    const order = mollie.normalise(received(Buffer.from('id=ord_MADE1'), { level: 'hint' }), {});
    expect(order).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('posts what was fetched: one effect for each refund, chargeback and the payment itself', () => {
    const refunds = [mollieRefund(), mollieRefund({ id: 're_MADE2', status: 'pending' })];
    const answer = molliePayment({ _embedded: { refunds, chargebacks: [chargeback()], captures: [] } });
    expect(keys(hinted(answer))).toEqual([
      'tr_MADE1:captured',
      're_MADE1:succeeded',
      're_MADE2:created',
      'chb_MADE1:withdrawn',
    ]);
    expect(hinted(answer).references).toContainEqual({ kind: 'refund', id: 're_MADE2' });
  });

  it('tells the same as the signed events about the same objects', () => {
    const answer = molliePayment({ _embedded: { refunds: [mollieRefund()], chargebacks: [chargeback()] } });
    expect(effects(hinted(answer))).toEqual([
      ...effects(told('payment.paid', molliePayment())),
      ...effects(told('refund.refunded', mollieRefund())),
      ...effects(told('chargeback.received', chargeback())),
    ]);
  });

  it('is of the mode that the payment says, which a call does not', () => {
    expect(hinted(molliePayment(), { mode: 'live' })).toMatchObject({ kind: 'no_effect', reason: 'test_mode' });
    expect(hinted(molliePayment(), { mode: 'test' }).kind).toBe('effects');
  });

  it('waits where the answer is about another payment, or about none', () => {
    for (const answer of [molliePayment({ id: 'tr_MADE2' }), {}, [], { resource: 'event', id: 'tr_MADE1' }]) {
      expect(hinted(answer), JSON.stringify(answer)).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    }
    expect(() =>
      mollie.normalise(received(Buffer.from('id=tr_MADE1'), { level: 'hint', fetched: Buffer.from('<html>') }), {}),
    ).toThrow(expect.objectContaining({ code: 'unreadable_event' }));
  });
});

describe('payments', () => {
  it('are captured when they are paid, exactly', () => {
    expect(effects(told('payment.paid', molliePayment()))).toEqual([
      {
        type: 'payment.captured',
        key: 'tr_MADE1:captured',
        at: Date.UTC(2025, 11, 31, 23, 1),
        payment: 'tr_MADE1',
        amount: 2000n,
        currency: 'EUR',
        authorisation: { amount: 2000n, final: true },
      },
    ]);
    const amount = (value: string, currency: string): unknown =>
      told('payment.paid', molliePayment({ amount: { value, currency } })).amount;
    expect(amount('1000', 'JPY')).toEqual({ amount: 1000n, currency: 'JPY' });
    expect(amount('90071992547409.93', 'EUR')).toEqual({ amount: 9_007_199_254_740_993n, currency: 'EUR' });
  });

  it('go by their status', () => {
    const status = (name: string): Normalised => told('payment.pending', molliePayment({ status: name }));
    expect(keys(status('authorized'))).toEqual(['tr_MADE1:authorised']);
    expect(keys(status('failed'))).toEqual(['tr_MADE1:failed']);
    expect(keys(status('canceled'))).toEqual(['tr_MADE1:cancelled']);
    expect(keys(status('expired'))).toEqual(['tr_MADE1:cancelled']);
    for (const name of ['open', 'pending']) expect(status(name).kind).toBe('no_effect');
    expect(status('teleported')).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('are captured by their captures where these are made apart', () => {
    const manual = { captureMode: 'manual', amountCaptured: { value: '12.00', currency: 'EUR' } };
    expect(told('payment.paid', molliePayment(manual))).toMatchObject({
      kind: 'fetch',
      object: { kind: 'payment', id: 'tr_MADE1' },
    });
    const captures = [capture(), capture({ id: 'cpt_MADE2', amount: { value: '8.00', currency: 'EUR' } })];
    const whole = hinted(molliePayment({ ...manual, _embedded: { captures } }));
    expect(effects(whole)).toMatchObject([
      { key: 'cpt_MADE1:captured', amount: 1200n, payment: 'tr_MADE1', authorisation: { amount: 1200n, final: true } },
      { key: 'cpt_MADE2:captured', amount: 800n },
    ]);
    const partly = hinted(molliePayment({ ...manual, status: 'authorized', _embedded: { captures: [capture()] } }));
    expect(keys(partly)).toEqual(['tr_MADE1:authorised', 'cpt_MADE1:captured']);
    expect(effects(partly)[1]).toEqual(effects(told('capture.succeeded', capture()))[0]);
    expect(hinted(molliePayment(manual))).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });

  it('wait whole where one part of them is not understood', () => {
    const answer = (refund: object): object => molliePayment({ _embedded: { refunds: [mollieRefund(refund)] } });
    expect(hinted(answer({ status: 'teleported' }))).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    expect(hinted(answer({ amount: null }))).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(hinted(answer({ amount: { value: '1.00', currency: 'XYZ' } }))).toMatchObject({ waitingFor: 'currency' });
  });

  it('fail on amounts that are none', () => {
    for (const value of ['-1.00', '1.005', '1e3', 'x']) {
      const payment = molliePayment({ amount: { value, currency: 'EUR' } });
      expect(() => told('payment.paid', payment), value).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    }
  });
});

describe('what is told of them', () => {
  it('refunds go by their status; one that failed or was called off leaves nothing', () => {
    const refund = (status: string): Normalised => told('refund.pending', mollieRefund({ status }));
    for (const status of ['queued', 'pending', 'processing'])
      expect(keys(refund(status))).toEqual(['re_MADE1:created']);
    expect(effects(refund('refunded'))).toMatchObject([
      { type: 'refund.succeeded', key: 're_MADE1:succeeded', payment: 'tr_MADE1', amount: 595n },
    ]);
    expect(keys(refund('failed'))).toEqual(['re_MADE1:failed']);
    expect(keys(refund('canceled'))).toEqual(['re_MADE1:failed']);
  });

  it('a chargeback comes back under its own id, a second one has another', () => {
    const reversed = told('chargeback.reversed', chargeback({ reversedAt: '2026-02-01T00:00:00+00:00' }));
    expect(effects(reversed)).toMatchObject([
      { type: 'dispute.withdrawn', key: 'chb_MADE1:withdrawn', amount: 2000n },
      { type: 'dispute.reinstated', key: 'chb_MADE1:reinstated', at: Date.UTC(2026, 1, 1) },
    ]);
    expect(effects(reversed)[0]).toEqual(effects(told('chargeback.received', chargeback()))[0]);
    expect(keys(told('chargeback.received', chargeback({ id: 'chb_MADE2' })))).toEqual(['chb_MADE2:withdrawn']);
  });

  it('a capture that failed takes back what it captured', () => {
    expect(effects(told('capture.failed', capture({ status: 'failed' })))).toMatchObject([
      { type: 'payment.reversed', key: 'cpt_MADE1:failed', captureKey: 'cpt_MADE1:captured', amount: 1200n },
    ]);
    expect(told('capture.succeeded', capture({ status: 'pending' })).kind).toBe('no_effect');
  });

  const balanceTransaction = (type: string, context: object, deductions = '-0.25') => ({
    resource: 'balance_transaction',
    id: 'baltr_MADE1',
    type,
    initialAmount: { value: '10.00', currency: 'EUR' },
    deductions: { value: deductions, currency: 'EUR' },
    context,
    createdAt: '2026-01-03T00:00:00+00:00',
  });

  it('costs are not told twice: where the settlement posts them, by month and method, their events are evidence', () => {
    for (const settings of [{}, { settlement_mode: 'payout' }, { settlement_mode: 'batch' }] as EndpointSettings[])
      expect(
        told('balance-transaction.created', balanceTransaction('payment', { paymentId: 'tr_MADE1' }), settings),
      ).toMatchObject({
        kind: 'no_effect',
        reason: expect.stringContaining('settlement_mode'),
        references: [{ kind: 'payment', id: 'tr_MADE1' }],
      });
  });

  it('costs come with the balance transaction, of the object it names', () => {
    const transaction = (type: string, context: object, deductions?: string): Normalised =>
      told('balance-transaction.created', balanceTransaction(type, context, deductions), BALANCE);
    expect(effects(transaction('payment', { paymentId: 'tr_MADE1' }))).toMatchObject([
      { type: 'payment.fee_known', key: 'baltr_MADE1:fee', reference: 'tr_MADE1', of: 'payment', amount: 25n },
    ]);
    expect(effects(transaction('refund', { paymentId: 'tr_MADE1', refundId: 're_MADE1' }))).toMatchObject([
      { reference: 're_MADE1', of: 'refund' },
    ]);
    expect(effects(transaction('chargeback', { chargebackId: 'chb_MADE1' }, '0.10'))).toMatchObject([
      { reference: 'chb_MADE1', of: 'dispute', amount: -10n },
    ]);
    expect(transaction('refund', {})).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(transaction('payment', { paymentId: 'tr_MADE1' }, '0.00').kind).toBe('no_effect');
    expect(transaction('outgoing-transfer', {}).kind).toBe('no_effect');
  });
});

describe('events that only name their entity', () => {
  const simple = (type: string, entityId: string): Normalised =>
    mollie.normalise(received(mollieEvent(type, { id: entityId }, { _embedded: undefined })), {});

  it('are fetched: the payment itself, anything else by its event', () => {
    expect(simple('payment.paid', 'tr_MADE1')).toMatchObject({
      kind: 'fetch',
      object: { kind: 'payment', id: 'tr_MADE1' },
    });
    expect(simple('refund.refunded', 're_MADE1')).toMatchObject({ object: { kind: 'event', id: 'event_MADE1' } });
    expect(simple('sales-invoice.paid', 'invoice_1').kind).toBe('no_effect');
    expect(simple('teleport.created', 'tp_1')).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('mean the same with the event that was fetched', () => {
    const body = mollieEvent('refund.refunded', { id: 're_MADE1' }, { _embedded: undefined });
    const fetched = mollieEvent('refund.refunded', mollieRefund());
    expect(mollie.normalise(received(body, { fetched }), {})).toEqual(told('refund.refunded', mollieRefund()));
    const other = mollieEvent('refund.refunded', mollieRefund(), { id: 'event_MADE2' });
    expect(mollie.normalise(received(body, { fetched: other }), {})).toMatchObject({ waitingFor: 'object' });
  });
});

const folder = samplesFolder('webhooks', 'mollie', 'samples');
describe.skipIf(!existsSync(folder))('the samples', () => {
  /** What each of Mollie's objects ends as: its effect keys, or why it has none. */
  const expected: Readonly<Record<string, readonly (string | readonly string[])[]>> = {
    'balance-transaction-list.json': [['baltr_*:fee'], ['baltr_WhmDwNYR87FPDbiwBhUXCh:fee']],
    'balance-transaction.json': [['baltr_*:fee']],
    'chargeback-list.json': [['chb_xg7414:withdrawn'], ['chb_ls7ahg:withdrawn']],
    'chargeback.json': [['{{ RESOURCE_ID }}:withdrawn']],
    'payment-list.json': ['no_effect'],
    'payment.json': ['no_effect'],
    'refund-list.json': [['re_4qqhO89gsT:created']],
    'refund.json': [['{{ RESOURCE_ID }}:created']],
    'settlement-list.json': ['no_effect'],
    'settlement.json': ['no_effect'],
    'webhook-event.json': ['no_effect'],
    // Answers about webhooks themselves: no event brings them.
    'webhook-list.json': ['adapter', 'adapter'],
    'webhook-test.json': ['adapter'],
    'webhook.json': ['adapter'],
  };
  const files = existsSync(folder) ? readdirSync(folder) : [];

  it.each(files)('%s', (name) => {
    const sample = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Record<string, unknown>;
    const embedded = 'count' in sample ? Object.values(sample._embedded as Record<string, object[]>).flat() : [sample];
    const outcomes = embedded.map((one) => {
      const entity = one as Record<string, unknown>;
      const type = `${String(entity.resource ?? 'test')}.changed`.replaceAll('_', '-');
      const meaning =
        entity.resource === 'event'
          ? mollie.normalise(received(Buffer.from(JSON.stringify(entity))), {})
          : told(type, entity, BALANCE);
      if (meaning.kind === 'effects') return keys(meaning);
      return meaning.kind === 'deferred' ? meaning.waitingFor : meaning.kind;
    });
    expect(outcomes).toEqual(expected[name]);
  });
});
