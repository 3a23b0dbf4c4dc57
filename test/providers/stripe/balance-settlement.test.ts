import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { payoutTransactions } from '../../../src/providers/stripe/balance-settlement.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { stripeCharge, stripeEvent } from './samples.ts';

const CREATED = 1_767_225_500;
const payout = (amount: number, change: object = {}) => ({
  id: 'po_1',
  object: 'payout',
  amount,
  automatic: true,
  balance_transaction: 'txn_po',
  created: CREATED,
  currency: 'eur',
  status: 'paid',
  trace_id: { status: 'supported', value: 'TRACE1' },
  ...change,
});
const txn = (id: string, category: string, amount: number, source: unknown, change: object = {}) => ({
  id: `txn_${id}`,
  object: 'balance_transaction',
  amount,
  available_on: CREATED + 86_400,
  balance_type: 'payments',
  created: CREATED,
  currency: 'eur',
  exchange_rate: null,
  fee: 0,
  fee_details: [],
  net: amount,
  reporting_category: category,
  source,
  status: 'available',
  type: category,
  ...change,
});
const CHARGE = txn('1', 'charge', 12_345, 'ch_1', { fee: 345, net: 12_000 });
const REFUND = txn('2', 'refund', -2000, {
  id: 're_1',
  object: 'refund',
  charge: 'ch_1',
  amount: 2000,
  currency: 'eur',
});
const DISPUTE = txn('3', 'dispute', -1000, 'du_1', { fee: 1500, net: -2500 });
const PAYOUT = txn('po', 'payout', -7500, 'po_1');
const page = (data: readonly object[], has_more = false) => ({
  object: 'list',
  data,
  has_more,
  url: '/v1/balance_transactions',
});
const file = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');
const read = (...parts: readonly object[]) => itemsOf(payoutTransactions, file(...parts));

describe('balance transactions of a payout', () => {
  it('are its lines, and come to what it paid', async () => {
    const items = await read({ payout: payout(7500) }, page([CHARGE, REFUND], true), page([DISPUTE, PAYOUT]));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      {
        row: 2,
        line: { identity: 'txn_1', kind: 'charge', reference: 'ch_1', batch: 'po_1', gross: 12_345n, fee: 345n },
        keys: { source: 'ch_1', payment: 'ch_1' },
        availableAt: (CREATED + 86_400) * 1000,
      },
      { row: 3, line: { kind: 'refund', reference: 're_1', gross: -2000n }, keys: { payment: 'ch_1' } },
      { row: 4, line: { kind: 'chargeback', reference: 'du_1', gross: -1000n, fee: 1500n } },
      { row: 5, line: { kind: 'payout', payout: 'po_1', gross: -7500n }, keys: { bank: 'TRACE1' } },
    ]);
    expect(differenceOf(items, 'po_1', 'EUR')).toBe(0n);
  });

  it('close with the payout also where its own transaction is not listed, under the same identity', async () => {
    const items = await read(payout(7500), page([CHARGE, REFUND, DISPUTE]));
    expect(linesOf(items).at(-1)).toMatchObject({ line: { identity: 'txn_po', kind: 'payout', gross: -7500n } });
    expect(differenceOf(items, 'po_1', 'EUR')).toBe(0n);
  });

  it('settle what the webhooks announced, fees too', async () => {
    const written = {
      id: 'txn_1',
      object: 'balance_transaction',
      amount: 12_345,
      currency: 'eur',
      fee: 345,
      created: CREATED,
    };
    const bodies = [
      stripeEvent('charge.succeeded', stripeCharge({ balance_transaction: written })),
      stripeEvent('refund.created', {
        id: 're_1',
        object: 'refund',
        amount: 2000,
        currency: 'eur',
        charge: 'ch_1',
        status: 'succeeded',
        created: CREATED,
      }),
      stripeEvent('charge.dispute.funds_withdrawn', {
        id: 'du_1',
        object: 'dispute',
        amount: 1000,
        currency: 'eur',
        charge: 'ch_1',
        status: 'needs_response',
        balance_transactions: [{ id: 'txn_3', amount: -1000, fee: 1500, currency: 'eur', created: CREATED }],
      }),
      stripeEvent('payout.paid', payout(7500)),
    ];
    const events = bodies.flatMap((body) => {
      const meaning = meaningOf(stripe, body);
      return meaning.kind === 'effects' ? meaning.effects : [];
    });
    const lines = linesOf(await read({ payout: payout(7500) }, page([CHARGE, REFUND, DISPUTE, PAYOUT]))).map(
      ({ line }) => line,
    );
    expect(openItems('stripe', [...events, ...lines])).toEqual({
      'asset:bank_in_transit[po_1] - EUR': 7500n,
      'asset:disputes_receivable[du_1] - EUR': 1000n,
    });
  });

  it('charged in another currency say what the payer paid', async () => {
    const source = { ...stripeCharge({ id: 'ch_9', amount: 10_000, amount_captured: 10_000, currency: 'usd' }) };
    const whole = txn('9', 'charge', 9000, source, { exchange_rate: 0.9 });
    expect(linesOf(await read(payout(1), page([whole])))[0]).toMatchObject({
      line: { currency: 'EUR', gross: 9000n, payer: { amount: 10_000n, currency: 'USD' } },
      fxRate: '0.9',
      keys: { merchant: 'A-1001' },
    });
    // As older versions tell a partial capture: the whole charge, and what was not captured of it.
    const partly = { ...source, amount_captured: 6000 };
    const items = await read(
      payout(1),
      page([
        txn('9', 'charge', 9000, partly, { exchange_rate: 0.9 }),
        txn('10', 'partial_capture_reversal', -3600, { ...partly }, { exchange_rate: 0.9 }),
      ]),
    );
    expect(linesOf(items).map(({ line }) => 'payer' in line && line.payer?.amount)).toEqual([10_000n, -4000n, false]);
    const now = await read(payout(1), page([txn('9', 'charge', 5400, partly, { exchange_rate: 0.9 })]));
    expect(linesOf(now)[0]).toMatchObject({ line: { payer: { amount: 6000n } } });
  });

  it('a dispute stays in the currency in which its webhook moves it', async () => {
    const source = { id: 'du_2', object: 'dispute', amount: 100, currency: 'usd', charge: 'ch_1' };
    const [line] = linesOf(await read(payout(1), page([txn('9', 'dispute', -90, source, { exchange_rate: 0.9 })])));
    expect(line?.line).not.toHaveProperty('payer');
    expect(line).toMatchObject({ line: { kind: 'chargeback', gross: -90n }, keys: { payment: 'ch_1' } });
  });

  it('a payout into another currency says what reaches the bank', async () => {
    const items = await read(payout(8300, { currency: 'usd' }), page([CHARGE, txn('po', 'payout', -12_000, 'po_1')]));
    expect(linesOf(items)[1]).toMatchObject({
      line: { currency: 'EUR', gross: -12_000n, settled: { amount: 8300n, currency: 'USD' } },
    });
    expect(differenceOf(items, 'po_1', 'EUR')).toBe(0n);
  });

  it('what is of another balance is not paid out with it', async () => {
    const hold = txn('8', 'risk_reserved_funds', -100, null);
    const items = await read(
      payout(11_900),
      page([
        CHARGE,
        hold,
        { ...hold, id: 'txn_8b', amount: 100, net: 100, balance_type: 'risk_reserved' },
        txn('7', 'issuing_transaction', -50, 'ipi_1', { balance_type: 'issuing' }),
      ]),
    );
    expect(linesOf(items).map(({ line: { kind, batch } }) => [kind, batch])).toEqual([
      ['charge', 'po_1'],
      ['reserve_hold', 'po_1'],
      ['adjustment', 'po_1/issuing'],
      ['payout', 'po_1'],
    ]);
    expect(differenceOf(items, 'po_1', 'EUR')).toBe(0n);
  });

  it('what moved the reserve itself is kept, beside it', async () => {
    const reserve = { balance_type: 'risk_reserved' };
    const items = await read(
      payout(12_000),
      page([
        CHARGE,
        { ...DISPUTE, ...reserve },
        txn('5', 'fee', -30, null, reserve),
        txn('6', 'risk_reserved_funds', -70, null, reserve),
      ]),
    );
    expect(linesOf(items).map(({ line: { identity, batch, net } }) => [identity, batch, net])).toEqual([
      ['txn_1', 'po_1', 12_000n],
      ['txn_3', 'po_1/risk_reserved', -2500n],
      ['txn_5', 'po_1/risk_reserved', -30n],
      ['txn_po', 'po_1', -12_000n],
    ]);
    expect(differenceOf(items, 'po_1', 'EUR')).toBe(0n);
  });

  it('keep nothing of who paid', async () => {
    const source = stripeCharge({ billing_details: { name: 'A Person' }, receipt_email: 'a.person@example.com' });
    expect(linesOf(await read(payout(1), page([{ ...CHARGE, source }])))[0]?.raw).not.toMatch(/erson/);
  });

  it.each(['topup', 'network_cost', 'tax', 'teleport'])('%s is a line', async (category) => {
    expect(linesOf(await read(payout(1), page([txn('9', category, -5, 'x_1')])))).toHaveLength(2);
  });
});

describe('what contradicts itself', () => {
  it.each([
    ['net', { net: 12_001 }],
    ['reporting_category', { reporting_category: null }],
    ['created', { created: 'now' }],
    ['id', { id: null }],
    ['source', { exchange_rate: 1.1 }],
    [null, { currency: 'xxx' }],
    [null, { amount: 1.5 }],
  ])('%s is told with its record', async (field, change) => {
    const items = await read(payout(1), page([REFUND, { ...CHARGE, ...change }]));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 3, field }]);
  });

  it('transactions without their payout, and a last page that is not the last', async () => {
    expect(faultsOf(await read(page([CHARGE])))).toMatchObject([{ kind: 'unreadable', row: 1, field: 'data' }]);
    expect(faultsOf(await read(payout(1), page([CHARGE], true)))).toMatchObject([
      { kind: 'contradiction', field: 'has_more', batch: 'po_1' },
    ]);
  });

  it('one that is missing leaves the payout open by its net', async () => {
    expect(differenceOf(await read(payout(7500), page([REFUND, DISPUTE])), 'po_1', 'EUR')).toBe(-12_000n);
  });
});

it('is the same in whatever pieces it comes', async () => {
  const text = file({ payout: payout(7500) }, page([CHARGE, REFUND], true), page([DISPUTE, PAYOUT]));
  const whole = await itemsOf(payoutTransactions, text, {}, text.length);
  for (const chunk of [1, 2, 3, 17, 500]) expect(await itemsOf(payoutTransactions, text, {}, chunk)).toEqual(whole);
});

const samples = samplesFolder('settlements', 'stripe');
describe.skipIf(!existsSync(samples))("Stripe's own examples", () => {
  const text = (name: string) => readFileSync(`${samples}/${name}.json`, 'utf8');

  it('a payout and one of its transactions', async () => {
    expect(payoutTransactions.recognises(text('api_payout'), null)).toBe(true);
    const items = await itemsOf(
      payoutTransactions,
      `${text('api_payout')}{"object":"list","has_more":false,"data":[${text('api_balance_transaction')}]}`,
    );
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ line: { kind, gross, fee, net } }) => [kind, gross, fee, net])).toEqual([
      ['charge', 100n, 0n, 100n],
      ['payout', -1100n, 0n, -1100n],
    ]);
    expect(differenceOf(items, 'po_1Pgc79B7WZ01zgkWu1KToYf4', 'USD')).toBe(-1000n);
  });
});
