import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { paystack } from '../../../src/providers/paystack/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { paystackCharge, paystackEvent } from './samples.ts';

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}
const keys = (meaning: Normalised) => effects(meaning).map((effect) => ('key' in effect ? effect.key : ''));
const told = (event: string, data: object): Normalised => meaningOf(paystack, paystackEvent(event, data));
const charge = (change: object = {}): Normalised => told('charge.success', paystackCharge(change));
const refund = (what: string, change: object = {}): Normalised =>
  told(`refund.${what}`, {
    status: what,
    transaction_reference: 'made-ref-1',
    refund_reference: what === 'processed' || what === 'failed' ? '132013318360' : null,
    amount: '10000',
    currency: 'NGN',
    domain: 'live',
    ...change,
  });
const dispute = (what: string, change: object = {}): Normalised =>
  told(`charge.dispute.${what}`, {
    id: 358_950,
    refund_amount: 5800,
    currency: 'NGN',
    status: what === 'resolve' ? 'resolved' : 'awaiting-merchant-feedback',
    resolution: null,
    domain: 'live',
    transaction: { id: 1, reference: 'made-ref-1', amount: 5800, currency: 'NGN' },
    resolvedAt: what === 'resolve' ? '2026-01-05T00:00:00.000Z' : null,
    created_at: '2026-01-02T00:00:00.000Z',
    ...change,
  });
const transfer = (what: string, change: object = {}): Normalised =>
  told(`transfer.${what}`, {
    id: 37_272_792,
    amount: 30_000,
    currency: 'NGN',
    domain: 'test',
    reference: 'made-transfer-1',
    status: what,
    transfer_code: 'TRF_made1',
    transferred_at: null,
    recipient: { recipient_code: 'RCP_made1' },
    created_at: '2026-01-02T00:00:00.000Z',
    updated_at: '2026-01-03T00:00:00.000Z',
    ...change,
  });

describe('charges', () => {
  it('are captured under their reference, with the fee', () => {
    expect(charge()).toEqual({
      kind: 'effects',
      references: [{ kind: 'payment', id: 'made-ref-1' }],
      amount: { amount: 40_333n, currency: 'NGN' },
      effects: [
        {
          type: 'payment.captured',
          key: 'made-ref-1:captured',
          at: Date.UTC(2025, 11, 31, 23),
          payment: 'made-ref-1',
          amount: 40_333n,
          currency: 'NGN',
        },
        {
          type: 'payment.fee_known',
          key: 'made-ref-1:fee',
          at: Date.UTC(2025, 11, 31, 23),
          reference: 'made-ref-1',
          of: 'payment',
          amount: 10_283n,
          currency: 'NGN',
        },
      ],
    });
    for (const fees of [null, 0, undefined]) expect(keys(charge({ fees }))).toEqual(['made-ref-1:captured']);
  });

  it('name the one seller Paystack passes a share on to, and wait where there are several', () => {
    const split = (...subaccounts: object[]): object => ({
      split: { split_code: 'SPL_made', shares: { paystack: 140, integration: 7860, subaccounts } },
    });
    const share = { amount: 2000, subaccount_code: 'ACCT_made1' };
    expect(effects(charge(split(share)))[0]).toMatchObject({ seller: { id: 'ACCT_made1', amount: 2000n } });
    for (const change of [
      split(share, { amount: 1, subaccount_code: 'ACCT_made2' }),
      split({ subaccount_code: 'ACCT_made1' }),
      split({ amount: 5 }),
      { split: { split_code: 'SPL_made' } },
      { subaccount: { subaccount_code: 'ACCT_made1' } },
    ]) {
      expect(charge(change), JSON.stringify(change)).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    }
  });

  it('wait where the currency is unknown or its scale is not confirmed', () => {
    for (const currency of ['XOF', 'RWF', 'JPY', 'KWD', 'ZZZ', '']) {
      expect(charge({ currency }), currency).toMatchObject({ kind: 'deferred', waitingFor: 'currency' });
    }
    for (const currency of ['GHS', 'ZAR', 'KES', 'USD']) expect(charge({ currency }).kind).toBe('effects');
  });

  it('wait or fail where they do not say what they should', () => {
    expect(charge({ reference: null })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(charge({ amount: null })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
    expect(charge({ status: 'failed' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
    for (const amount of [-1, 1.5, 'x']) {
      expect(() => charge({ amount })).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
    }
    expect(() => charge({ fees: -5 })).toThrow(expect.objectContaining({ code: 'amount_invalid' }));
  });
});

describe('refunds', () => {
  it('post with their end, which is the first to name them', () => {
    for (const what of ['pending', 'processing', 'needs-attention']) expect(refund(what).kind).toBe('no_effect');
    expect(effects(refund('processed'))).toMatchObject([
      {
        type: 'refund.succeeded',
        key: '132013318360:succeeded',
        refund: '132013318360',
        payment: 'made-ref-1',
        amount: 10_000n,
      },
    ]);
    expect(keys(refund('failed'))).toEqual(['132013318360:failed']);
    expect(refund('processed').references).toContainEqual({ kind: 'refund', id: '132013318360' });
    expect(refund('processed', { refund_reference: null })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });
});

describe('disputes', () => {
  it('move money once they are accepted, and none when declined', () => {
    for (const what of ['create', 'remind']) expect(dispute(what).kind).toBe('no_effect');
    expect(effects(dispute('resolve', { resolution: 'auto-accepted' }))).toMatchObject([
      { type: 'dispute.withdrawn', key: '358950:withdrawn', amount: 5800n, at: Date.UTC(2026, 0, 5) },
      { type: 'dispute.lost', key: '358950:lost', amount: 5800n },
    ]);
    expect(keys(dispute('resolve', { resolution: 'merchant-accepted' }))).toEqual(['358950:withdrawn', '358950:lost']);
    expect(dispute('resolve', { resolution: 'declined' }).kind).toBe('no_effect');
    expect(dispute('resolve', { resolution: 'teleported' })).toMatchObject({ waitingFor: 'adapter' });
    expect(dispute('create').references).toContainEqual({ kind: 'dispute', id: '358950' });
  });
});

describe('transfers', () => {
  it('go to their recipient, and come back after they had gone, in either order', () => {
    expect(effects(transfer('success'))).toMatchObject([
      { type: 'transfer.created', key: 'TRF_made1:created', seller: 'RCP_made1', amount: 30_000n },
    ]);
    expect(effects(transfer('reversed'))).toMatchObject([
      effects(transfer('success'))[0] ?? {},
      { type: 'transfer.reversed', key: 'TRF_made1:reversed', at: Date.UTC(2026, 0, 3) },
    ]);
    expect(transfer('failed').kind).toBe('no_effect');
    expect(transfer('success', { recipient: null })).toMatchObject({ kind: 'deferred', waitingFor: 'object' });
  });
});

it('takes the rest for evidence where it is known, and parks it where it is not', () => {
  for (const type of [
    'invoice.update',
    'subscription.create',
    'paymentrequest.success',
    'customeridentification.failed',
  ]) {
    expect(told(type, { amount: 1, status: 'success' }).kind, type).toBe('no_effect');
  }
  for (const type of ['charge.failed', 'transfer', 'refund.', 'constructor']) {
    expect(told(type, {}), type).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  }
});

const file = samplesFolder('webhooks', 'paystack', 'vectors.json');
it.skipIf(!existsSync(file))('posts the bodies of the vectors', () => {
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as { body_base64: string }[];
  for (const { body_base64 } of vectors) {
    const meaning = meaningOf(paystack, Buffer.from(body_base64, 'base64'));
    expect(keys(meaning)).toEqual(['qTPrJoy9Bx:captured', 'qTPrJoy9Bx:fee']);
  }
});
