import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { flutterwave } from '../../../src/providers/flutterwave/index.ts';
import type { EndpointSettings, Normalised, ReceivedEvent } from '../../../src/providers/provider.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { flutterwaveCharge, NOW, signedEvent, tokenEvent, verified } from './samples.ts';

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}
const keys = (meaning: Normalised) => effects(meaning).map((effect) => ('key' in effect ? effect.key : ''));

const received = (body: Buffer, change: Partial<ReceivedEvent>): ReceivedEvent => ({
  item: 0,
  id: 'made',
  type: 'made',
  account: 'main',
  headers: [],
  body,
  receivedAt: NOW,
  level: 'token',
  fetched: null,
  ...change,
});
/** v3: what the request told, and what Flutterwave answered. */
const asked = (event: string, told: object, answer: object | null): Normalised =>
  flutterwave.normalise(received(tokenEvent(event, told), { fetched: answer === null ? null : verified(answer) }), {});
const charge = (change: object = {}): Normalised =>
  asked('charge.completed', flutterwaveCharge(change), flutterwaveCharge(change));
const bankTransfer = (change: object = {}): Record<string, unknown> => ({
  id: 33_286,
  account_number: '0690000033',
  bank_code: '044',
  currency: 'NGN',
  debit_currency: 'NGN',
  amount: 30_020,
  fee: 26.88,
  status: 'SUCCESSFUL',
  reference: 'made-transfer-1',
  created_at: '2025-12-31T23:00:00.000Z',
  ...change,
});
const transfer = (change: object = {}): Normalised =>
  asked('transfer.completed', bankTransfer(change), bankTransfer(change));
/** v4. */
const signed = (type: string, data: object, settings: EndpointSettings = {}): Normalised =>
  flutterwave.normalise(received(signedEvent(type, data), { level: 'body' }), settings);

describe('v3', () => {
  it('believes nothing in the request: the transaction is fetched', () => {
    expect(asked('charge.completed', flutterwaveCharge(), null)).toEqual({
      kind: 'fetch',
      object: { kind: 'payment', id: '285959001' },
      reason: expect.stringContaining('must be fetched'),
      references: [{ kind: 'payment', id: '285959001' }],
      amount: null,
    });
    expect(asked('transfer.completed', bankTransfer(), null)).toMatchObject({
      object: { kind: 'transfer', id: '33286' },
    });
  });

  it('posts what was charged, and the fee, as verified', () => {
    expect(charge()).toEqual({
      kind: 'effects',
      references: [
        { kind: 'payment', id: '285959001' },
        { kind: 'order', id: 'made-ref-1' },
      ],
      amount: { amount: 10_000n, currency: 'NGN' },
      effects: [
        {
          type: 'payment.captured',
          key: '285959001:captured',
          at: Date.UTC(2025, 11, 31, 23),
          payment: '285959001',
          amount: 10_000n,
          currency: 'NGN',
        },
        {
          type: 'payment.fee_known',
          key: '285959001:fee',
          at: Date.UTC(2025, 11, 31, 23),
          reference: '285959001',
          of: 'payment',
          amount: 140n,
          currency: 'NGN',
        },
      ],
    });
    expect(charge({ charged_amount: 101.4 }).amount).toEqual({ amount: 10_140n, currency: 'NGN' });
    expect(keys(charge({ app_fee: 0.357 }))).toEqual(['285959001:captured']);
    expect(charge({ currency: 'UGX', amount: 5000, charged_amount: 5000 }).amount?.amount).toBe(5000n);
  });

  it('posts nothing where the request and Flutterwave tell different things', () => {
    const truth = flutterwaveCharge();
    for (const lie of [{ amount: 1_000_000 }, { currency: 'USD' }, { tx_ref: 'made-ref-2' }]) {
      expect(asked('charge.completed', flutterwaveCharge(lie), truth), JSON.stringify(lie)).toMatchObject({
        kind: 'deferred',
        waitingFor: 'object',
        reason: expect.stringContaining(Object.keys(lie)[0] ?? ''),
      });
    }
    // Only the status may have moved on since the request.
    expect(asked('charge.completed', flutterwaveCharge({ status: 'pending' }), truth).kind).toBe('effects');
    expect(asked('charge.completed', flutterwaveCharge(), { ...truth, id: 5 })).toMatchObject({ waitingFor: 'object' });
    for (const answer of [[], {}, { id: null }]) {
      expect(asked('charge.completed', flutterwaveCharge(), answer)).toMatchObject({ waitingFor: 'object' });
    }
  });

  it('goes by the status of the answer, not of the request', () => {
    const answered = (status: string): Normalised =>
      asked('charge.completed', flutterwaveCharge(), flutterwaveCharge({ status }));
    expect(keys(answered('failed'))).toEqual(['285959001:failed']);
    expect(answered('pending')).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(answered('teleported')).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('keeps transfers apart from transactions of the same number, and bank accounts out of the ledger', () => {
    const [created] = effects(transfer());
    expect(created).toMatchObject({ type: 'transfer.created', key: 'transfer-33286:created', amount: 3_002_000n });
    expect(JSON.stringify(created, (_, v) => String(v))).not.toContain('0690000033');
    expect(effects(transfer({ id: 33_287 }))).toMatchObject([{ seller: (created as { seller: string }).seller }]);
    expect(transfer({ status: 'FAILED' }).kind).toBe('no_effect');
    expect(transfer({ status: 'PENDING' })).toMatchObject({ waitingFor: 'object' });
    expect(transfer({ debit_currency: 'USD' })).toMatchObject({ waitingFor: 'adapter' });
  });

  it('parks what it cannot ask for, and amounts it cannot read', () => {
    for (const event of ['refund.completed', 'chargeback.created', 'constructor']) {
      expect(asked(event, { id: 1 }, null), event).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    }
    expect(asked('charge.completed', { id: 'chg_1' }, null)).toMatchObject({ waitingFor: 'adapter' });
    expect(asked('subscription.cancelled', { id: 1 }, null).kind).toBe('no_effect');
    expect(charge({ currency: 'ZZZ' })).toMatchObject({ waitingFor: 'currency' });
    for (const amount of [-5, 1.005, 1e30]) {
      expect(() => charge({ amount, charged_amount: amount })).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
    }
  });
});

describe('v4', () => {
  const chargeOf = (change: object = {}): object => ({
    id: 'chg_made1',
    amount: 2500.5,
    currency: 'KES',
    status: 'succeeded',
    reference: 'made-ref-1',
    created_datetime: 1735116842.116,
    ...change,
  });

  it('posts charges by their status', () => {
    expect(effects(signed('charge.completed', chargeOf()))).toEqual([
      {
        type: 'payment.captured',
        key: 'chg_made1:captured',
        at: 1_735_116_842_116,
        payment: 'chg_made1',
        amount: 250_050n,
        currency: 'KES',
      },
    ]);
    expect(keys(signed('charge.completed', chargeOf({ status: 'failed' })))).toEqual(['chg_made1:failed']);
    expect(signed('charge.completed', chargeOf({ status: 'pending' })).kind).toBe('no_effect');
    expect(signed('charge.completed', chargeOf({ status: 'teleported' }))).toMatchObject({ waitingFor: 'adapter' });
    expect(signed('charge.completed', chargeOf({ id: undefined }))).toMatchObject({ waitingFor: 'object' });
  });

  it('posts refunds once their currency is known', () => {
    const refund = (status: string, settings: EndpointSettings = { currency: 'KES' }): Normalised =>
      signed('refund.completed', { id: 'rfd_made1', amount_refunded: 10.25, charge_id: 'chg_made1', status }, settings);
    expect(effects(refund('succeeded'))).toMatchObject([
      { type: 'refund.succeeded', key: 'rfd_made1:succeeded', payment: 'chg_made1', amount: 1025n, currency: 'KES' },
    ]);
    expect(keys(refund('new'))).toEqual(['rfd_made1:created']);
    expect(keys(refund('failed'))).toEqual(['rfd_made1:failed']);
    expect(refund('teleported')).toMatchObject({ waitingFor: 'adapter' });
    expect(refund('succeeded', {})).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
  });

  it('posts transfers, and takes back what was reversed in either order', () => {
    const sent = {
      id: 'trf_made1',
      amount: 3000.44,
      source_currency: 'NGN',
      destination_currency: 'NGN',
      status: 'SUCCESSFUL',
      recipient: { id: 'rcp_made1' },
      disburse_datetime: '2026-01-02T00:00:00Z',
    };
    const back = {
      ...sent,
      status: 'FAILED',
      reversal: { reversal_datetime: '2026-01-03T00:00:00Z', initial_status: 'SUCCESSFUL' },
    };
    expect(effects(signed('transfer.disburse', sent))).toMatchObject([
      { type: 'transfer.created', key: 'trf_made1:created', seller: 'rcp_made1', amount: 300_044n },
    ]);
    expect(effects(signed('transfer.reversal', back))).toMatchObject([
      effects(signed('transfer.disburse', sent))[0] ?? {},
      { type: 'transfer.reversed', key: 'trf_made1:reversed', at: Date.UTC(2026, 0, 3) },
    ]);
    expect(signed('transfer.disburse', { ...sent, status: 'FAILED' }).kind).toBe('no_effect');
    expect(signed('transfer.disburse', { ...sent, destination_currency: 'EUR' })).toMatchObject({
      waitingFor: 'adapter',
    });
    expect(signed('transfer.disburse', { ...sent, recipient: null })).toMatchObject({ waitingFor: 'object' });
  });

  it('parks what it was not taught', () => {
    expect(signed('order.authorization', { id: 'ord_1' }).kind).toBe('no_effect');
    for (const type of ['chargeback.created', 'teleport', 'constructor']) {
      expect(signed(type, { id: 'x' }), type).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    }
  });
});

const file = samplesFolder('webhooks', 'flutterwave', 'vectors.json');
it.skipIf(!existsSync(file))('asks for the transactions of the vectors, and posts them as verified', () => {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as { body_base64: string }[];
  for (const { body_base64 } of vectors) {
    const body = Buffer.from(body_base64, 'base64');
    expect(flutterwave.normalise(received(body, {}), {})).toMatchObject({
      object: { kind: 'payment', id: '285959875' },
    });
    const { data } = JSON.parse(body.toString()) as { data: object };
    const meaning = flutterwave.normalise(received(body, { fetched: verified(data) }), {});
    expect(keys(meaning)).toEqual(['285959875:captured', '285959875:fee']);
  }
});
