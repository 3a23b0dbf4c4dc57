import { describe, expect, it } from 'vitest';
import { EVENT_AT, effects, keys, normalise } from './normalise.ts';

const CREATED = 1_767_225_000;
const refund = (change: object = {}): object => ({
  id: 're_1',
  object: 'refund',
  amount: 345,
  charge: 'ch_1',
  created: CREATED,
  currency: 'eur',
  status: 'succeeded',
  ...change,
});
const dispute = (change: object = {}): object => ({
  id: 'dp_1',
  object: 'dispute',
  amount: 1000,
  charge: 'ch_1',
  created: CREATED,
  currency: 'usd',
  status: 'under_review',
  balance_transactions: [],
  ...change,
});
const withdrawn = (id: string, change: object = {}): object => ({
  id,
  amount: -1000,
  fee: 1500,
  currency: 'usd',
  created: CREATED + 5,
  ...change,
});
const payout = (change: object = {}): object => ({
  id: 'po_1',
  object: 'payout',
  amount: 5000,
  currency: 'eur',
  created: CREATED,
  status: 'paid',
  ...change,
});
const transfer = (change: object = {}): object => ({
  id: 'tr_1',
  object: 'transfer',
  amount: 900,
  amount_reversed: 0,
  currency: 'eur',
  created: CREATED,
  destination: 'acct_9',
  reversals: { data: [] },
  ...change,
});
const fee = (change: object = {}): object => ({
  id: 'fee_1',
  object: 'application_fee',
  amount: 100,
  amount_refunded: 0,
  currency: 'eur',
  created: CREATED,
  refunds: { data: [] },
  ...change,
});

describe('refunds', () => {
  it('post every stage they have been through, under keys of their own', () => {
    expect(keys('refund.created', refund({ status: 'pending' }))).toEqual(['re_1:created']);
    expect(keys('refund.created', refund({ status: 'requires_action' }))).toEqual(['re_1:created']);
    expect(keys('refund.updated', refund())).toEqual(['re_1:created', 're_1:succeeded']);
    for (const status of ['failed', 'canceled']) {
      expect(keys('charge.refund.updated', refund({ status }))).toEqual([
        're_1:created',
        're_1:succeeded',
        're_1:failed',
      ]);
    }
    expect(effects('refund.failed', refund({ status: 'failed' })).map((one) => one.at)).toEqual([
      CREATED * 1000,
      CREATED * 1000,
      EVENT_AT,
    ]);
    expect(effects('refund.updated', refund())[1]).toMatchObject({
      type: 'refund.succeeded',
      refund: 're_1',
      payment: 'ch_1',
      amount: 345n,
    });
  });

  it('announce a fee given back, and work without a charge', () => {
    const txn = { id: 'txn_2', amount: -345, fee: -12, currency: 'eur', created: CREATED + 9 };
    expect(effects('refund.updated', refund({ balance_transaction: txn, charge: null }))).toMatchObject([
      { key: 're_1:created' },
      { key: 're_1:succeeded', at: (CREATED + 9) * 1000 },
      { key: 'txn_2:fee', reference: 're_1', of: 'refund', amount: -12n },
    ]);
    expect(effects('refund.created', refund({ charge: null }))[0]).not.toHaveProperty('payment');
  });

  it('are parked in a state nobody knows', () => {
    expect(normalise('refund.updated', refund({ status: 'limbo' }))).toMatchObject({
      kind: 'deferred',
      waitingFor: 'adapter',
    });
  });
});

describe('disputes', () => {
  it('post each movement listed, by its own id, and its fee on the dispute', () => {
    const entries = [
      withdrawn('txn_1'),
      withdrawn('txn_2', { amount: 1000, fee: -1500 }),
      withdrawn('txn_3', { fee: 0 }),
    ];
    expect(effects('charge.dispute.updated', dispute({ balance_transactions: entries }))).toEqual([
      {
        type: 'dispute.withdrawn',
        key: 'txn_1:withdrawn',
        at: (CREATED + 5) * 1000,
        dispute: 'dp_1',
        amount: 1000n,
        currency: 'USD',
      },
      {
        type: 'payment.fee_known',
        key: 'txn_1:fee',
        at: (CREATED + 5) * 1000,
        reference: 'dp_1',
        of: 'dispute',
        amount: 1500n,
        currency: 'USD',
      },
      {
        type: 'dispute.reinstated',
        key: 'txn_2:reinstated',
        at: (CREATED + 5) * 1000,
        dispute: 'dp_1',
        amount: 1000n,
        currency: 'USD',
      },
      {
        type: 'payment.fee_known',
        key: 'txn_2:fee',
        at: (CREATED + 5) * 1000,
        reference: 'dp_1',
        of: 'dispute',
        amount: -1500n,
        currency: 'USD',
      },
      {
        type: 'dispute.withdrawn',
        key: 'txn_3:withdrawn',
        at: (CREATED + 5) * 1000,
        dispute: 'dp_1',
        amount: 1000n,
        currency: 'USD',
      },
    ]);
  });

  it('are lost for what was withdrawn and not given back, else for the disputed amount', () => {
    const lost = (entries: readonly object[]): object => dispute({ status: 'lost', balance_transactions: entries });
    const last = (entries: readonly object[]): unknown => effects('charge.dispute.closed', lost(entries)).at(-1);
    expect(last([withdrawn('txn_1', { fee: 0 })])).toMatchObject({
      type: 'dispute.lost',
      key: 'dp_1:lost',
      amount: 1000n,
      at: EVENT_AT,
    });
    expect(last([withdrawn('txn_1'), withdrawn('txn_2', { amount: 400, fee: 0 })])).toMatchObject({
      key: 'dp_1:lost',
      amount: 600n,
    });
    expect(last([])).toMatchObject({ key: 'dp_1:lost', amount: 1000n, currency: 'USD' });
    expect(last([withdrawn('txn_1', { fee: 0 }), withdrawn('txn_2', { amount: 1000, fee: 0 })])).toMatchObject({
      key: 'txn_2:reinstated',
    });
  });

  it('post no loss before they are closed, and none when won', () => {
    const entry = [withdrawn('txn_1', { fee: 0 })];
    expect(keys('charge.dispute.updated', dispute({ status: 'lost', balance_transactions: entry }))).toEqual([
      'txn_1:withdrawn',
    ]);
    expect(keys('charge.dispute.closed', dispute({ status: 'won', balance_transactions: entry }))).toEqual([
      'txn_1:withdrawn',
    ]);
    for (const status of ['won', 'warning_closed', 'charge_refunded']) {
      expect(normalise('charge.dispute.closed', dispute({ status })).kind).toBe('no_effect');
    }
  });

  it('move nothing as inquiries, and wait where a movement is told but not listed', () => {
    expect(normalise('charge.dispute.created', dispute({ status: 'warning_needs_response' }))).toMatchObject({
      kind: 'no_effect',
      reason: expect.stringContaining('inquiry'),
    });
    expect(normalise('charge.dispute.funds_withdrawn', dispute({ balance_transactions: undefined }))).toMatchObject({
      kind: 'fetch',
      object: { kind: 'dispute', id: 'dp_1' },
    });
  });
});

describe('payouts and top-ups', () => {
  it('are made once, whatever event tells it', () => {
    for (const type of ['payout.created', 'payout.updated', 'payout.paid'])
      expect(keys(type, payout({ status: 'pending' }))).toEqual(['po_1:created']);
    expect(effects('payout.paid', payout())).toMatchObject([
      { type: 'payout.created', payout: 'po_1', amount: 5000n, at: CREATED * 1000 },
    ]);
  });

  it('fail, even after they were paid, and are cancelled', () => {
    expect(effects('payout.failed', payout({ status: 'failed' }))).toMatchObject([
      { key: 'po_1:created' },
      { type: 'payout.failed', key: 'po_1:failed', at: EVENT_AT },
    ]);
    expect(keys('payout.canceled', payout({ status: 'canceled' }))).toEqual(['po_1:created', 'po_1:cancelled']);
  });

  it('may be negative, and paid in another currency', () => {
    expect(effects('payout.created', payout({ amount: -700 }))).toMatchObject([{ amount: -700n }]);
    // 54.00 dollars left the balance, and 50.00 euros arrive at the bank.
    const txn = { id: 'txn_1', amount: -5400, currency: 'usd', fee: 0 };
    expect(effects('payout.created', payout({ balance_transaction: txn }))).toMatchObject([
      { amount: 5400n, currency: 'USD', settled: { amount: 5000n, currency: 'EUR' } },
    ]);
    expect(normalise('payout.created', payout({ balance_transaction: txn })).amount).toEqual({
      amount: 5000n,
      currency: 'EUR',
    });
    expect(
      effects('payout.created', payout({ balance_transaction: { ...txn, currency: 'eur' } }))[0],
    ).not.toHaveProperty('settled');
  });

  it('top-ups are payouts the other way round', () => {
    const topup = { ...payout({ status: 'succeeded' }), id: 'tu_1', object: 'topup' };
    expect(effects('topup.succeeded', topup)).toMatchObject([
      { type: 'payout.created', key: 'tu_1:created', payout: 'tu_1', amount: -5000n },
    ]);
    expect(keys('topup.failed', { ...topup, status: 'failed' })).toEqual(['tu_1:created', 'tu_1:failed']);
    expect(keys('topup.reversed', { ...topup, status: 'reversed' })).toEqual(['tu_1:created', 'tu_1:returned']);
  });
});

describe('Connect', () => {
  it('transfers and their reversals post by their own ids', () => {
    const reversals = { data: [{ id: 'trr_1', object: 'transfer_reversal', amount: 300, created: CREATED + 1 }] };
    expect(effects('transfer.reversed', transfer({ amount_reversed: 300, reversals }))).toMatchObject([
      { type: 'transfer.created', key: 'tr_1:created', transfer: 'tr_1', seller: 'acct_9', amount: 900n },
      { type: 'transfer.reversed', key: 'trr_1:reversed', transfer: 'trr_1', seller: 'acct_9', amount: 300n },
    ]);
    expect(normalise('transfer.reversed', transfer({ amount_reversed: 300 }))).toMatchObject({
      kind: 'fetch',
      object: { kind: 'reversals of', id: 'tr_1' },
    });
    expect(normalise('transfer.created', transfer({ destination: null })).kind).toBe('no_effect');
  });

  it('application fees and their refunds post by their own ids', () => {
    const given = { id: 'fr_1', object: 'fee_refund', amount: 40, currency: 'eur', created: CREATED + 1, fee: 'fee_1' };
    expect(effects('application_fee.refunded', fee({ amount_refunded: 40, refunds: { data: [given] } }))).toMatchObject(
      [
        { type: 'platform_fee.created', key: 'fee_1:created', fee: 'fee_1', amount: 100n },
        { type: 'platform_fee.refunded', key: 'fr_1:refunded', fee: 'fr_1', amount: 40n },
      ],
    );
    expect(keys('application_fee.refund.updated', given)).toEqual(['fr_1:refunded']);
    expect(normalise('application_fee.refunded', fee({ amount_refunded: 40 }))).toMatchObject({
      kind: 'fetch',
      object: { kind: 'fee refunds of', id: 'fee_1' },
    });
  });
});

describe('tax', () => {
  const invoice = (change: object = {}): object => ({
    id: 'in_1',
    object: 'invoice',
    amount_paid: 1190,
    currency: 'eur',
    status_transitions: { paid_at: CREATED },
    payment_intent: 'pi_1',
    ...change,
  });
  const session = (change: object = {}): object => ({
    id: 'cs_1',
    object: 'checkout.session',
    mode: 'payment',
    payment_status: 'paid',
    payment_intent: 'pi_1',
    currency: 'eur',
    invoice: null,
    total_details: { amount_tax: 190 },
    ...change,
  });

  it("comes from the invoice, in every version's layout", () => {
    const wanted = { type: 'payment.tax_known', key: 'in_1:tax', amount: 190n, payment: 'pi_1', at: CREATED * 1000 };
    const layouts = [
      { total_taxes: [{ amount: 100 }, { amount: 90 }] },
      { total_taxes: [], total_tax_amounts: [{ amount: 190 }] },
      { tax: 190 },
    ];
    for (const change of layouts) expect(effects('invoice.paid', invoice(change))).toMatchObject([wanted]);
    expect(keys('invoice.payment_succeeded', invoice({ tax: 190 }))).toEqual(['in_1:tax']);
  });

  it('is none where nothing was paid through Stripe, or there is no tax', () => {
    for (const change of [
      {},
      { tax: null },
      { tax: 0 },
      { tax: 190, amount_paid: 0 },
      { tax: 190, paid_out_of_band: true },
    ]) {
      expect(normalise('invoice.paid', invoice(change)).kind, JSON.stringify(change)).toBe('no_effect');
    }
  });

  it('comes from a checkout session only where no invoice tells it again', () => {
    expect(keys('checkout.session.completed', session())).toEqual(['cs_1:tax']);
    expect(keys('checkout.session.async_payment_succeeded', session())).toEqual(['cs_1:tax']);
    for (const change of [
      { invoice: 'in_1' },
      { mode: 'subscription' },
      { payment_status: 'unpaid' },
      { total_details: { amount_tax: 0 } },
      { total_details: null },
    ]) {
      expect(normalise('checkout.session.completed', session(change)).kind, JSON.stringify(change)).toBe('no_effect');
    }
  });
});
