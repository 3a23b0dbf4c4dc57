import { describe, expect, it } from 'vitest';
import { EVENT_AT, effects, keys, normalise } from './normalise.ts';
import { stripeCharge } from './samples.ts';

const CREATED = 1_767_225_500_000;
const txn = (change: object = {}): object => ({
  id: 'txn_1',
  object: 'balance_transaction',
  amount: 12_345,
  currency: 'eur',
  fee: 389,
  net: 11_956,
  created: 1_767_225_501,
  ...change,
});
const refund = (change: object = {}): object => ({
  id: 're_1',
  object: 'refund',
  amount: 345,
  charge: 'ch_1',
  created: 1_767_225_550,
  currency: 'eur',
  status: 'succeeded',
  ...change,
});

describe('charges', () => {
  it('post the captured total with references to find it by', () => {
    const meaning = normalise('charge.succeeded', stripeCharge());
    expect(meaning).toEqual({
      kind: 'effects',
      amount: { amount: 12_345n, currency: 'EUR' },
      references: [
        { kind: 'payment', id: 'ch_1' },
        { kind: 'payment_intent', id: 'pi_1' },
        { kind: 'customer', id: 'cus_1' },
        { kind: 'order', id: 'A-1001' },
      ],
      effects: [
        {
          type: 'payment.captured',
          key: 'ch_1:captured:12345',
          at: CREATED,
          payment: 'ch_1',
          amount: 12_345n,
          currency: 'EUR',
          runningTotal: true,
        },
      ],
    });
  });

  it('have the same capture key in every event about them, so that no order posts twice', () => {
    const refunded = { amount_refunded: 345, refunds: { data: [refund()] } };
    const told = [
      keys('charge.succeeded', stripeCharge()),
      keys('charge.captured', stripeCharge()),
      keys('charge.updated', stripeCharge({ balance_transaction: txn() })),
      keys('charge.refunded', stripeCharge(refunded)),
      keys(
        'charge.updated',
        stripeCharge({ payment_method_details: { card: { multicapture: { status: 'available' } } } }),
      ),
    ];
    expect(told.map(([first]) => first)).toEqual(told.map(() => 'ch_1:captured:12345'));
  });

  it('count what was captured, not what was authorised', () => {
    expect(effects('charge.captured', stripeCharge({ amount_captured: 5_000 }))).toMatchObject([
      { key: 'ch_1:captured:5000', amount: 5_000n, at: EVENT_AT, authorisation: { amount: 5_000n, final: true } },
    ]);
    const old = stripeCharge();
    delete old.amount_captured;
    expect(keys('charge.succeeded', old)).toEqual(['ch_1:captured:12345']);
  });

  it('post each capture of several, and keep the authorisation open until the last', () => {
    const card = { card: { multicapture: { status: 'available' } } };
    const more = { amount_captured: 5_000, captured: false, payment_method_details: card };
    expect(effects('charge.updated', stripeCharge(more))).toMatchObject([
      { type: 'payment.authorised', key: 'ch_1:authorised', amount: 12_345n },
      {
        type: 'payment.captured',
        key: 'ch_1:captured:5000',
        at: EVENT_AT,
        amount: 5_000n,
        runningTotal: true,
        authorisation: { amount: 5_000n, final: false },
      },
    ]);
    // `final_capture` left something over: what tells the last capture is `captured`, not the amount.
    expect(effects('charge.captured', stripeCharge({ ...more, captured: true, amount_captured: 9_000 }))).toMatchObject(
      [{ key: 'ch_1:captured:9000', authorisation: { amount: 9_000n, final: true } }],
    );
  });

  it('keep what was captured where the rest expires, and its refunds', () => {
    const partly = { captured: false, amount_captured: 5_000 };
    expect(keys('charge.expired', stripeCharge(partly))).toEqual(['ch_1:captured:5000', 'ch_1:expired']);
    expect(keys('charge.updated', stripeCharge({ ...partly, refunded: true }))).toEqual([
      'ch_1:authorised',
      'ch_1:captured:5000',
    ]);
    const refunded = { ...partly, amount_refunded: 345, refunds: { data: [refund()] } };
    expect(keys('charge.refunded', stripeCharge(refunded))).toEqual([
      'ch_1:authorised',
      'ch_1:captured:5000',
      're_1:created',
      're_1:succeeded',
    ]);
  });

  it('release what is open once an intent captured by hand has succeeded, and only then', () => {
    const intent = {
      id: 'pi_1',
      object: 'payment_intent',
      latest_charge: 'ch_1',
      currency: 'eur',
      capture_method: 'manual',
    };
    expect(effects('payment_intent.succeeded', intent)).toEqual([
      { type: 'payment.cancelled', key: 'ch_1:captured_whole', at: EVENT_AT, payment: 'ch_1', currency: 'EUR' },
    ]);
    for (const change of [{ capture_method: 'automatic' }, { capture_method: undefined }, { latest_charge: null }]) {
      expect(normalise('payment_intent.succeeded', { ...intent, ...change })).toMatchObject({
        kind: 'no_effect',
        reason: "the payment intent's money is told by its charge",
      });
    }
  });

  it('are only authorised while they are not captured', () => {
    const open = { captured: false, amount_captured: 0, balance_transaction: null };
    expect(effects('charge.succeeded', stripeCharge(open))).toEqual([
      {
        type: 'payment.authorised',
        key: 'ch_1:authorised',
        at: CREATED,
        payment: 'ch_1',
        amount: 12_345n,
        currency: 'EUR',
      },
    ]);
    expect(effects('charge.expired', stripeCharge(open))).toMatchObject([
      { type: 'payment.cancelled', key: 'ch_1:expired' },
    ]);
    expect(effects('charge.refunded', stripeCharge({ ...open, refunded: true }))).toMatchObject([
      { type: 'payment.cancelled', key: 'ch_1:cancelled' },
    ]);
    const intent = { id: 'pi_1', object: 'payment_intent', latest_charge: 'ch_1', currency: 'eur' };
    expect(effects('payment_intent.canceled', intent)).toMatchObject([
      { type: 'payment.cancelled', key: 'ch_1:cancelled', payment: 'ch_1' },
    ]);
    expect(normalise('payment_intent.canceled', { ...intent, latest_charge: null }).kind).toBe('no_effect');
  });

  it('post nothing while pending and when they failed', () => {
    expect(normalise('charge.pending', stripeCharge({ status: 'pending', paid: false })).kind).toBe('no_effect');
    expect(normalise('charge.updated', stripeCharge({ status: 'pending' })).kind).toBe('no_effect');
    expect(normalise('charge.failed', stripeCharge({ status: 'failed', paid: false, captured: false })).kind).toBe(
      'no_effect',
    );
    expect(normalise('charge.updated', stripeCharge({ status: 'failed', paid: false })).kind).toBe('no_effect');
  });

  it('take back a payment that fails after its money was credited', () => {
    const late = { status: 'failed', paid: false, failure_balance_transaction: 'txn_9' };
    expect(effects('charge.failed', stripeCharge(late))).toMatchObject([
      { type: 'payment.captured', key: 'ch_1:captured:12345' },
      { type: 'payment.reversed', key: 'ch_1:reversed', amount: 12_345n },
    ]);
  });

  it('announce the fee only where the balance transaction is there, keyed by it and in its currency', () => {
    expect(
      effects('charge.updated', stripeCharge({ balance_transaction: txn({ currency: 'usd', fee: 412 }) }))[1],
    ).toEqual({
      type: 'payment.fee_known',
      key: 'txn_1:fee',
      at: 1_767_225_501_000,
      reference: 'ch_1',
      of: 'payment',
      amount: 412n,
      currency: 'USD',
    });
    expect(keys('charge.updated', stripeCharge())).toEqual(['ch_1:captured:12345']);
    expect(keys('charge.updated', stripeCharge({ balance_transaction: txn({ fee: 0 }) }))).toEqual([
      'ch_1:captured:12345',
    ]);
  });

  it('name the seller and what is passed on, never more than was captured', () => {
    const seller = (change: object): unknown =>
      (effects('charge.succeeded', stripeCharge(change))[0] as { seller?: unknown }).seller;
    expect(seller({ transfer_data: { destination: 'acct_9', amount: 10_000 } })).toEqual({
      id: 'acct_9',
      amount: 10_000n,
    });
    expect(seller({ transfer_data: { destination: 'acct_9' } })).toEqual({ id: 'acct_9', amount: 12_345n });
    expect(seller({ transfer_data: { destination: 'acct_9', amount: 10_000 }, amount_captured: 400 })).toEqual({
      id: 'acct_9',
      amount: 400n,
    });
    expect(seller({ destination: { id: 'acct_8', object: 'account' } })).toEqual({ id: 'acct_8', amount: 12_345n });
    expect(seller({ transfer_data: null, application_fee_amount: 100 })).toBeUndefined();
  });

  it('post embedded refunds by their own ids, and wait for a fetch where only a sum is told', () => {
    const two = {
      amount_refunded: 445,
      refunds: { data: [refund(), refund({ id: 're_2', amount: 100, status: 'pending', charge: null })] },
    };
    expect(keys('charge.refunded', stripeCharge(two))).toEqual([
      'ch_1:captured:12345',
      're_1:created',
      're_1:succeeded',
      're_2:created',
    ]);
    expect(effects('charge.refunded', stripeCharge(two))[3]).toMatchObject({ payment: 'ch_1', amount: 100n });
    for (const refunds of [undefined, null, { data: [] }]) {
      expect(normalise('charge.refunded', stripeCharge({ amount_refunded: 345, refunds }))).toMatchObject({
        kind: 'fetch',
        object: { kind: 'refunds of', id: 'ch_1' },
        amount: { amount: 345n, currency: 'EUR' },
      });
    }
  });

  it('tell the release of an uncaptured rest from a refund by its balance transaction, on versions that mix them', () => {
    const before = { api_version: '2024-06-20' };
    const partly = (refunds: readonly object[]): object =>
      stripeCharge({ amount_captured: 5_000, amount_refunded: 7_345, refunds: { data: refunds } });
    const released = refund({
      id: 're_9',
      amount: 7_345,
      balance_transaction: txn({ id: 'txn_9', type: 'partial_capture_reversal', fee: 0 }),
    });
    const real = refund({ balance_transaction: txn({ id: 'txn_8', type: 'refund', amount: -345, fee: 0 }) });
    expect(normalise('charge.refunded', partly([refund()]), before)).toMatchObject({
      kind: 'fetch',
      object: { kind: 'refunds of', id: 'ch_1' },
    });
    expect(keys('charge.refunded', partly([released, real]), before)).toEqual([
      'ch_1:captured:5000',
      're_1:created',
      're_1:succeeded',
    ]);
    expect(keys('charge.refunded', partly([refund()]))).toEqual([
      'ch_1:captured:5000',
      're_1:created',
      're_1:succeeded',
    ]);
    expect(normalise('refund.updated', released, before).kind).toBe('no_effect');
  });

  it('keep amounts exact beyond 2^53, and refuse what is no amount', () => {
    const exact = Buffer.from(JSON.stringify(stripeCharge()).replaceAll('12345', '9007199254740993'));
    expect(
      effects(
        'charge.succeeded',
        JSON.parse(exact.toString(), (_k, v, c?: { source?: string }) =>
          c?.source === '9007199254740993' ? c.source : v,
        ),
      ),
    ).toMatchObject([{ amount: 9_007_199_254_740_993n }]);
    for (const amount of ['1000000000000000000000000000000', '12.5', '1e3', '0x10', ' 1', '']) {
      expect(() => normalise('charge.succeeded', stripeCharge({ amount_captured: amount, amount })), amount).toThrow();
    }
    expect(() => normalise('charge.succeeded', { object: 'charge' })).toThrowError(
      expect.objectContaining({ code: 'unreadable_event' }),
    );
    expect(() => normalise('charge.succeeded', stripeCharge({ amount_captured: 1e30 }))).toThrowError(
      expect.objectContaining({ code: 'amount_invalid' }),
    );
  });

  it('post a payment of nothing as nothing', () => {
    expect(effects('charge.succeeded', stripeCharge({ amount: 0, amount_captured: 0 }))).toMatchObject([
      { key: 'ch_1:captured:0', amount: 0n },
    ]);
  });
});
