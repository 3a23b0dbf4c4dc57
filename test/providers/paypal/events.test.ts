import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { paypal } from '../../../src/providers/paypal/index.ts';
import type { Normalised } from '../../../src/providers/provider.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { paypalCapture, paypalEvent } from './samples.ts';

const ID = 'MADECAPTURE000001';
const told = (type: string, resource: object, change: object = {}) =>
  meaningOf(paypal, paypalEvent(type, resource, change));
const eur = (value: string) => ({ currency_code: 'EUR', value });

function effects(meaning: Normalised): readonly object[] {
  if (meaning.kind !== 'effects') throw new Error(`no effects: ${JSON.stringify(meaning, (_, v) => String(v))}`);
  return meaning.effects;
}

describe('captures and sales', () => {
  it('post gross and fee, the fee under a key of its own', () => {
    const at = Date.UTC(2025, 11, 31, 23, 59, 30);
    expect(effects(told('PAYMENT.CAPTURE.COMPLETED', paypalCapture()))).toEqual([
      { type: 'payment.captured', key: `${ID}:captured`, at, payment: ID, amount: 12345n, currency: 'EUR' },
      { type: 'payment.fee_known', key: `${ID}:fee`, at, reference: ID, of: 'payment', amount: 456n, currency: 'EUR' },
    ]);
  });

  it('come in the shape of version 1 too', () => {
    const sale = {
      id: ID,
      state: 'completed',
      amount: { total: '20.00', currency: 'USD' },
      transaction_fee: { value: '0.88', currency: 'USD' },
    };
    expect(effects(told('PAYMENT.SALE.COMPLETED', sale, { resource_type: 'sale' }))).toMatchObject([
      { type: 'payment.captured', amount: 2000n, currency: 'USD' },
      { type: 'payment.fee_known', amount: 88n },
    ]);
  });

  it('release the authorisation under its own id, each its part and the last one the rest', () => {
    const supplementary_data = { related_ids: { authorization_id: 'MADEAUTH1' } };
    const last = effects(told('PAYMENT.CAPTURE.COMPLETED', paypalCapture({ supplementary_data })));
    const authorisation = { id: 'MADEAUTH1', amount: 12345n };
    expect(last[0]).toMatchObject({ payment: ID, authorisation: { ...authorisation, final: true } });
    const first = effects(
      told('PAYMENT.CAPTURE.COMPLETED', paypalCapture({ supplementary_data, final_capture: false })),
    );
    expect(first[0]).toMatchObject({ payment: ID, authorisation: { ...authorisation, final: false } });
    expect(effects(told('PAYMENT.CAPTURE.COMPLETED', paypalCapture()))[0]).not.toHaveProperty('authorisation');
  });

  it('that wait, fail or are reversed', () => {
    expect(told('PAYMENT.CAPTURE.PENDING', paypalCapture()).kind).toBe('no_effect');
    expect(effects(told('PAYMENT.CAPTURE.DENIED', paypalCapture()))).toMatchObject([
      { type: 'payment.failed', key: `${ID}:failed` },
    ]);
    const reversed = { type: 'payment.reversed', payment: ID, captureKey: `${ID}:captured`, amount: 12345n };
    expect(effects(told('PAYMENT.CAPTURE.REVERSED', paypalCapture()))).toMatchObject([reversed]);
    // A reversal does not say how much was captured: it may be of a part.
    const v1 = { id: 'MADEREVERSAL1', sale_id: ID, amount: { total: '-23.45', currency: 'EUR' } };
    const [part] = effects(told('PAYMENT.SALE.REVERSED', v1));
    expect(part).toMatchObject({ type: 'payment.reversed', key: 'MADEREVERSAL1:reversed', payment: ID, amount: 2345n });
    expect(part).not.toHaveProperty('captureKey');
  });

  it('without id or amount wait for the object', () => {
    expect(told('PAYMENT.CAPTURE.COMPLETED', { id: ID })).toMatchObject({
      kind: 'fetch',
      object: { kind: 'capture', id: ID },
    });
    for (const resource of [{}, { amount: eur('1.00') }, [], 'x', null]) {
      expect(told('PAYMENT.CAPTURE.COMPLETED', resource as object)).toMatchObject({
        kind: 'deferred',
        waitingFor: 'object',
      });
    }
  });
});

describe('authorisations', () => {
  it('are held and given back under their own id', () => {
    expect(effects(told('PAYMENT.AUTHORIZATION.CREATED', paypalCapture()))).toMatchObject([
      { type: 'payment.authorised', payment: ID },
    ]);
    expect(effects(told('PAYMENT.AUTHORIZATION.VOIDED', paypalCapture()))).toMatchObject([
      { type: 'payment.cancelled', payment: ID },
    ]);
  });
});

describe('refunds', () => {
  const up = { rel: 'up', href: `https://api.paypal.com/v2/payments/captures/${ID}` };
  const refund = (change: object = {}) => ({
    id: 'MADEREFUND1',
    status: 'COMPLETED',
    amount: eur('10.00'),
    links: [up],
    ...change,
  });
  const refunded = (change: object = {}) =>
    told('PAYMENT.CAPTURE.REFUNDED', refund(change), { resource_type: 'refund' });

  it('are keyed by their own id and name their capture', () => {
    const effect = { refund: 'MADEREFUND1', payment: ID, amount: 1000n };
    expect(effects(refunded())).toMatchObject([{ ...effect, type: 'refund.succeeded', key: 'MADEREFUND1:succeeded' }]);
    expect(effects(refunded({ status: 'PENDING' }))).toMatchObject([{ ...effect, type: 'refund.created' }]);
    expect(effects(refunded({ status: 'CANCELLED' }))).toMatchObject([{ ...effect, type: 'refund.failed' }]);
    expect(effects(told('PAYMENT.REFUND.FAILED', refund({ status: 'FAILED' })))).toMatchObject([
      { type: 'refund.failed' },
    ]);
    expect(refunded({ status: 'TELEPORTED' })).toMatchObject({ kind: 'deferred', waitingFor: 'adapter' });
  });

  it('of version 1 name the sale, and count from it with a minus', () => {
    const v1 = { id: 'MADEREFUND2', sale_id: ID, state: 'completed', amount: { total: '-10.00', currency: 'EUR' } };
    expect(effects(told('PAYMENT.SALE.REFUNDED', v1, { resource_type: 'sale' }))).toMatchObject([
      { type: 'refund.succeeded', refund: 'MADEREFUND2', payment: ID, amount: 1000n },
    ]);
  });

  it('are not taken from a payment that only says it was refunded', () => {
    for (const status of ['REFUNDED', 'PARTIALLY_REFUNDED', 'COMPLETED']) {
      expect(told('PAYMENT.CAPTURE.REFUNDED', paypalCapture({ status }))).toMatchObject({
        kind: 'deferred',
        waitingFor: 'object',
      });
    }
  });

  it('give back fees as fees below zero', () => {
    const fee = effects(refunded({ seller_payable_breakdown: { paypal_fee: eur('0.30') } }))[1];
    expect(fee).toMatchObject({ type: 'payment.fee_known', of: 'refund', reference: 'MADEREFUND1', amount: -30n });
  });
});

describe('disputes', () => {
  const resolved = (code: string, transactions: object[]) =>
    told('CUSTOMER.DISPUTE.RESOLVED', {
      dispute_id: 'PP-R-1',
      disputed_transactions: transactions,
      dispute_amount: eur('50.00'),
      dispute_outcome: { outcome_code: code },
    });

  it('are lost under the disputed transaction, for each of them', () => {
    expect(effects(resolved('RESOLVED_BUYER_FAVOUR', [{ seller_transaction_id: ID }]))).toMatchObject([
      { type: 'dispute.lost', key: `${ID}:lost`, dispute: ID, amount: 5000n },
    ]);
    const two = [
      { seller_transaction_id: 'A', gross_amount: eur('20.00') },
      { seller_transaction_id: 'B', gross_amount: eur('30.00') },
    ];
    expect(effects(resolved('RESOLVED_BUYER_FAVOUR', two))).toMatchObject([
      { dispute: 'A', amount: 2000n },
      { dispute: 'B', amount: 3000n },
    ]);
    expect(resolved('RESOLVED_BUYER_FAVOUR', [{ seller_transaction_id: 'A' }, {}])).toMatchObject({
      waitingFor: 'object',
    });
  });

  it('are evidence otherwise', () => {
    expect(resolved('RESOLVED_SELLER_FAVOUR', [{ seller_transaction_id: ID }]).kind).toBe('no_effect');
    expect(told('CUSTOMER.DISPUTE.CREATED', { dispute_id: 'PP-R-1' }).kind).toBe('no_effect');
  });
});

it('pays a seller by a payout item, under its transaction', () => {
  const item = {
    payout_item_id: 'ITEM1',
    transaction_id: 'TX1',
    payout_item: { receiver: 'MADEPAYEE2345', amount: { currency: 'EUR', value: '9.00' } },
    payout_item_fee: { currency: 'EUR', value: '0.25' },
  };
  expect(effects(told('PAYMENT.PAYOUTS-ITEM.SUCCEEDED', item))).toMatchObject([
    { type: 'transfer.created', key: 'TX1:created', transfer: 'TX1', seller: 'MADEPAYEE2345', amount: 900n },
    { type: 'payment.fee_known', key: 'TX1:fee', amount: 25n },
  ]);
  expect(effects(told('PAYMENT.PAYOUTS-ITEM.RETURNED', item))).toMatchObject([
    { type: 'transfer.reversed', amount: 900n },
  ]);
  expect(told('PAYMENT.PAYOUTS-ITEM.FAILED', item).kind).toBe('no_effect');
});

describe('the seller a payout item pays', () => {
  const sellerOf = (item: object, account = 'main'): string => {
    const amount = { currency: 'EUR', value: '9.00' };
    const resource = { payout_item_id: 'ITEM1', transaction_id: 'TX1', payout_item: { amount, ...item } };
    const body = paypalEvent('PAYMENT.PAYOUTS-ITEM.SUCCEEDED', resource);
    const event = {
      item: 0,
      id: 'made',
      type: 'made',
      account,
      headers: [],
      body,
      receivedAt: 1_767_225_600_000,
      level: 'body' as const,
      fetched: null,
    };
    const meaning = paypal.normalise(event, {});
    // Nothing that the ledger is told names the person.
    expect(JSON.stringify(effects(meaning), (_, v) => String(v))).not.toMatch(/@|555/);
    return (effects(meaning)[0] as { seller: string }).seller;
  };
  const email = { receiver: 'Anna.Example@shop.example', recipient_type: 'EMAIL' };

  it('is nobody’s address, the same for every spelling of it, and another one on another account', () => {
    expect(sellerOf(email)).toMatch(/^receiver_[0-9a-f]{32}$/);
    expect(sellerOf({ ...email, receiver: ' anna.example@SHOP.example' })).toBe(sellerOf(email));
    expect(sellerOf({ receiver: email.receiver })).toBe(sellerOf(email));
    expect(sellerOf({ ...email, receiver: 'ben@shop.example' })).not.toBe(sellerOf(email));
    expect(sellerOf(email, 'other')).not.toBe(sellerOf(email));
  });

  it('is PayPal’s own id where it gives one', () => {
    expect(sellerOf({ receiver: 'MADEPAYEE2345', recipient_type: 'PAYPAL_ID' })).toBe('MADEPAYEE2345');
    const phone = { receiver: '+1 (408) 555-0100', recipient_type: 'PHONE' };
    expect(sellerOf(phone)).toBe(sellerOf({ ...phone, receiver: '1-408-555-0100' }));
  });
});

it('takes other types for evidence or parks them', () => {
  for (const type of ['CHECKOUT.ORDER.APPROVED', 'BILLING.SUBSCRIPTION.ACTIVATED', 'VAULT.PAYMENT-TOKEN.CREATED']) {
    expect(told(type, {}).kind).toBe('no_effect');
  }
  for (const type of ['PAYMENT.TELEPORTED', 'constructor', ''])
    expect(told(type, {})).toMatchObject({ waitingFor: 'adapter' });
});

describe('amounts', () => {
  it.each([
    ['HUF', '1000', 100000n],
    ['TWD', '1000', 100000n],
    ['JPY', '1000', 1000n],
    ['EUR', '90071992547409.93', 9007199254740993n],
    ['USD', '10.5', 1050n],
  ])('%s %s', (currency_code, value, amount) => {
    expect(told('PAYMENT.CAPTURE.COMPLETED', paypalCapture({ amount: { currency_code, value } })).amount).toEqual({
      amount,
      currency: currency_code,
    });
  });

  it('that are none end the event, and a currency nobody knows parks it', () => {
    for (const amount of [eur('10.555'), eur('1e3'), eur('--1'), { currency_code: 'JPY', value: '10.5' }]) {
      expect(() => told('PAYMENT.CAPTURE.COMPLETED', paypalCapture({ amount }))).toThrow(
        expect.objectContaining({ code: 'amount_invalid' }),
      );
    }
    expect(
      told('PAYMENT.CAPTURE.COMPLETED', paypalCapture({ amount: { currency_code: 'QQQ', value: '1' } })),
    ).toMatchObject({ waitingFor: 'currency' });
  });
});

it('never stumbles over an impossible time', () => {
  const times = { create_time: '2018-19-12T24:61:00Z', update_time: '2018-02-30T00:00:00Z' };
  const [effect] = effects(told('PAYMENT.CAPTURE.COMPLETED', paypalCapture(times), { create_time: 'soon' }));
  expect(effect).toMatchObject({ at: 1_767_225_600_000 });
});

const folder = samplesFolder('webhooks', 'paypal', 'samples');
describe.skipIf(!existsSync(folder))('the samples', () => {
  const files = existsSync(folder) ? globSync('**/*.json', { cwd: folder }).sort() : [];
  const bodies = files.flatMap((name) => {
    const sample = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Record<string, unknown>;
    const nested = JSON.stringify(sample).match(/"webhook_event"/) ? [sample.webhook_event] : [];
    const wrapped = Object.values(sample).map(
      (one) => (one as { grpc_req?: { request_details: { body: object } } })?.grpc_req?.request_details.body,
    );
    return [sample, ...nested, ...wrapped].flatMap((one) => (one instanceof Object ? [[name, one] as const] : []));
  });

  it.each(bodies)('%s', (_name, body) => {
    const meaning = meaningOf(paypal, Buffer.from(JSON.stringify(body)));
    expect(meaning.kind).toMatch(/^(effects|no_effect|deferred|fetch)$/);
    for (const type of ['PAYMENT.CAPTURE.COMPLETED', 'PAYMENT.CAPTURE.REFUNDED', 'CUSTOMER.DISPUTE.RESOLVED'])
      told(type, body);
  });
});
