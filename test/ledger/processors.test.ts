import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostResult } from '../../src/ledger/post.ts';
import type { PaymentEvent } from '../../src/payment-event.ts';
import { adyen } from '../../src/providers/adyen/index.ts';
import { paypal } from '../../src/providers/paypal/index.ts';
import type { EndpointSettings, Provider } from '../../src/providers/provider.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { adyenBody, adyenItem } from '../providers/adyen/samples.ts';
import { paypalCapture, paypalEvent } from '../providers/paypal/samples.ts';
import { stripeCharge, stripeEvent } from '../providers/stripe/samples.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { meaningOf } from '../support/provider-event.ts';
import { derivedDifferences, openBooks, permutations } from './books.ts';

/*
 * From a processor's bytes to the books, with numbers: what a payment's events leave there, in any order of them.
 */

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

/** Each event of each order is a transaction of its own: of four events and more not every order is tried. */
const ORDERS_MAX = 8;

type Told = { readonly name: string; readonly effects: readonly PaymentEvent[] };
type Marketplace = 'on_capture' | 'on_transfer' | null;

function told(provider: Provider, name: string, body: Buffer, settings: EndpointSettings = {}): Told {
  const meaning = meaningOf(provider, body, settings);
  if (meaning.kind !== 'effects') throw new Error(`${name}: ${meaning.kind}, ${meaning.reason}`);
  return { name, effects: meaning.effects };
}

async function expectBooks(events: readonly Told[], balances: Record<string, string>, marketplace: Marketplace = null) {
  const orders = permutations(events);
  const step = Math.ceil(orders.length / ORDERS_MAX);
  for (const order of orders.filter((_, n) => n % step === 0)) {
    const books = openBooks(database, marketplace);
    const results: PostResult[] = [];
    for (const { effects } of order) results.push(...(await books.post([...effects])));
    // And again: what waited for another comes back, and the rest is a replay.
    results.push(...(await books.post(...order.map(({ effects }) => effects))));
    expect(results.map(({ kind }) => kind)).not.toContain('conflict');
    expect(await books.balances(), order.map(({ name }) => name).join(', ')).toEqual(balances);
  }
}

describe('Stripe', () => {
  const of = (type: string, object: object): Told => told(stripe, type, stripeEvent(type, object));
  const transfer = (id: string, amount: number, reversed: readonly object[] = []) => ({
    id,
    object: 'transfer',
    amount,
    amount_reversed: 0,
    currency: 'eur',
    created: 1_767_225_501,
    destination: 'acct_9',
    reversals: { data: reversed },
  });
  const fee = { id: 'fee_1', object: 'application_fee', amount: 2345, amount_refunded: 0, currency: 'eur' };

  it('a destination charge: what is passed on is the seller’s until its transfer', async () => {
    const sold = stripeCharge({ transfer_data: { destination: 'acct_9', amount: 10_000 } });
    await expectBooks([of('charge.succeeded', sold), of('transfer.created', transfer('tr_1', 10_000))], {
      'asset:processor_pending [ch_1 gross] EUR': '12345',
      'asset:processor_pending [tr_1 gross] EUR': '-10000',
      'income:revenue EUR': '-2345',
    });
  });

  it('a destination charge with an application fee: all is passed on, and the fee is told by its own object', async () => {
    const sold = stripeCharge({ transfer_data: { destination: 'acct_9' }, application_fee_amount: 2345 });
    const events = [
      of('charge.succeeded', sold),
      of('application_fee.created', fee),
      of('transfer.created', transfer('tr_1', 12_345)),
    ];
    await expectBooks(events, {
      'asset:processor_pending [ch_1 gross] EUR': '12345',
      'asset:processor_pending [tr_1 gross] EUR': '-12345',
      'asset:processor_pending [fee_1 gross] EUR': '2345',
      'income:platform_fees EUR': '-2345',
    });
  });

  it('a direct charge: on the platform its application fee alone', async () => {
    await expectBooks([of('application_fee.created', fee)], {
      'asset:processor_pending [fee_1 gross] EUR': '2345',
      'income:platform_fees EUR': '-2345',
    });
  });

  it('separate charges and transfers: the transfer is the sale to the seller, and its reversal takes that back', async () => {
    const reversal = { id: 'trr_1', object: 'transfer_reversal', amount: 1000, created: 1_767_225_502 };
    const events = [
      of('charge.succeeded', stripeCharge()),
      of('transfer.created', transfer('tr_1', 9000)),
      of('transfer.reversed', { ...transfer('tr_1', 9000, [reversal]), amount_reversed: 1000 }),
    ];
    const balances = {
      'asset:processor_pending [ch_1 gross] EUR': '12345',
      'asset:processor_pending [tr_1 gross] EUR': '-9000',
      'asset:processor_pending [trr_1 gross] EUR': '1000',
      'income:revenue EUR': '-4345',
    };
    await expectBooks(events, balances, 'on_transfer');
  });

  const part = (amount: number, captured: boolean) => stripeCharge({ amount_captured: amount, captured });
  const captures = [
    of('charge.succeeded', part(0, false)),
    of('charge.updated', part(5000, false)),
    of('charge.updated', part(7000, false)),
  ];
  const captured = { 'asset:processor_pending [ch_1 gross] EUR': '9000', 'income:revenue EUR': '-9000' };

  it('several captures: each posts its increase, and the last one releases what it leaves', async () => {
    await expectBooks(captures, {
      'asset:processor_pending [ch_1 gross] EUR': '7000',
      'income:revenue EUR': '-7000',
      'memo:authorisations [ch_1] EUR': '5345',
      'memo:authorisations_contra EUR': '-5345',
    });
    await expectBooks([...captures, of('charge.captured', part(9000, true))], captured);
  });

  it('several captures of which charge.captured is not heard: the intent tells that it was the last', async () => {
    const intent = { id: 'pi_1', object: 'payment_intent', latest_charge: 'ch_1', capture_method: 'manual' };
    const events = [
      ...captures.slice(0, 2),
      of('charge.updated', part(9000, true)),
      of('payment_intent.succeeded', { ...intent, currency: 'eur' }),
    ];
    await expectBooks(events, captured);
  });

  it('a fee told before, after or never: gross and fee are two items of one payment', async () => {
    const txn = { id: 'txn_1', amount: 12_345, fee: 389, currency: 'eur', created: 1_767_225_501 };
    const gross = { 'asset:processor_pending [ch_1 gross] EUR': '12345', 'income:revenue EUR': '-12345' };
    await expectBooks([of('charge.succeeded', stripeCharge())], gross);
    await expectBooks(
      [of('charge.succeeded', stripeCharge()), of('charge.updated', stripeCharge({ balance_transaction: txn }))],
      { ...gross, 'asset:processor_pending [ch_1 fee] EUR': '-389', 'expense:processing_fees EUR': '389' },
    );
  });

  it('a payout in another currency: euros at the bank for dollars of the balance, and nothing when it fails', async () => {
    const payout = {
      id: 'po_1',
      object: 'payout',
      amount: 5000,
      currency: 'eur',
      created: 1_767_225_501,
      status: 'paid',
    };
    const balance_transaction = { id: 'txn_2', amount: -5400, fee: 0, currency: 'usd', created: 1_767_225_501 };
    const paid = of('payout.paid', { ...payout, balance_transaction });
    await expectBooks([paid], {
      'asset:bank_in_transit [po_1] EUR': '5000',
      'asset:processor_balance [po_1] USD': '-5400',
      'asset:fx_position EUR': '-5000',
      'asset:fx_position USD': '5400',
    });
    await expectBooks([paid, of('payout.failed', { ...payout, balance_transaction, status: 'failed' })], {});
  });

  it('a negative payout that fails', async () => {
    const payout = { id: 'po_1', object: 'payout', amount: -700, currency: 'eur', created: 1_767_225_501 };
    const created = of('payout.created', { ...payout, status: 'pending' });
    await expectBooks([created], {
      'asset:bank_in_transit [po_1] EUR': '-700',
      'asset:processor_balance [po_1] EUR': '700',
    });
    await expectBooks([created, of('payout.failed', { ...payout, status: 'failed' })], {});
  });

  it('a payment of nothing moves nothing', async () => {
    await expectBooks([of('charge.succeeded', stripeCharge({ amount: 0, amount_captured: 0 }))], {}, 'on_capture');
  });
});

describe('PayPal', () => {
  const of = (type: string, resource: object, name = type): Told => told(paypal, name, paypalEvent(type, resource));
  const eur = (value: string) => ({ currency_code: 'EUR', value });
  const plain = { seller_receivable_breakdown: undefined };

  it('a reversal of a part, also before its capture', async () => {
    const reversal = {
      id: 'MADEREVERSAL1',
      sale_id: 'MADECAPTURE000001',
      amount: { total: '-23.45', currency: 'EUR' },
    };
    await expectBooks([of('PAYMENT.CAPTURE.COMPLETED', paypalCapture(plain)), of('PAYMENT.SALE.REVERSED', reversal)], {
      'asset:processor_pending [MADECAPTURE000001 gross] EUR': '10000',
      'income:revenue EUR': '-10000',
    });
  });

  it('a capture reversed whole, also where the capture itself was never told', async () => {
    const reversed = of('PAYMENT.CAPTURE.REVERSED', paypalCapture(plain));
    await expectBooks([reversed], {});
    await expectBooks([reversed, of('PAYMENT.CAPTURE.COMPLETED', paypalCapture(plain))], {});
  });

  it('captures of an authorisation: each releases its part, the last one the rest', async () => {
    const supplementary_data = { related_ids: { authorization_id: 'MADEAUTH1' } };
    const capture = (id: string, value: string, final_capture: boolean) =>
      of(
        'PAYMENT.CAPTURE.COMPLETED',
        paypalCapture({ ...plain, id, amount: eur(value), final_capture, supplementary_data }),
        id,
      );
    const authorised = of('PAYMENT.AUTHORIZATION.CREATED', { id: 'MADEAUTH1', amount: eur('200.00') });
    await expectBooks([authorised, capture('MADEC1', '50.00', false)], {
      'asset:processor_pending [MADEC1 gross] EUR': '5000',
      'income:revenue EUR': '-5000',
      'memo:authorisations [MADEAUTH1] EUR': '15000',
      'memo:authorisations_contra EUR': '-15000',
    });
    await expectBooks([authorised, capture('MADEC1', '50.00', false), capture('MADEC2', '100.00', true)], {
      'asset:processor_pending [MADEC1 gross] EUR': '5000',
      'asset:processor_pending [MADEC2 gross] EUR': '10000',
      'income:revenue EUR': '-15000',
    });
  });
});

describe('Adyen', () => {
  const of = (eventCode: string, pspReference: string, value: number, settings: EndpointSettings): Told => {
    const originalReference = eventCode === 'AUTHORISATION' ? {} : { originalReference: 'PSPPAYMENT1' };
    const item = { eventCode, pspReference, ...originalReference, amount: { currency: 'EUR', value } };
    return told(adyen, eventCode, adyenBody(adyenItem(item)), settings);
  };

  it('refunds of a marketplace find the capture, which is an object of its own', async () => {
    const settings: EndpointSettings = { capture: 'manual' };
    const events = [
      of('AUTHORISATION', 'PSPPAYMENT1', 1000, settings),
      of('CAPTURE', 'PSPCAPTURE1', 1000, settings),
      of('REFUND', 'PSPREFUND1', 300, settings),
    ];
    const balances = {
      'asset:processor_pending [PSPPAYMENT1 gross] EUR': '1000',
      'asset:processor_pending [PSPREFUND1 gross] EUR': '-300',
      'income:revenue EUR': '-1000',
      'income:refunds EUR': '300',
    };
    await expectBooks(events, balances, 'on_capture');
  });

  it('a capture that fails after it succeeded, and a refund that does', async () => {
    const settings: EndpointSettings = { capture: 'manual' };
    const events = [
      of('AUTHORISATION', 'PSPPAYMENT1', 1000, settings),
      of('CAPTURE', 'PSPCAPTURE1', 1000, settings),
      of('CAPTURE_FAILED', 'PSPCAPTURE1', 1000, settings),
      of('REFUND', 'PSPREFUND1', 300, settings),
      of('REFUND_FAILED', 'PSPREFUND1', 300, settings),
    ];
    await expectBooks(events, {});
  });
});
