import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { razorpay } from '../../../src/providers/razorpay/index.ts';
import { settlementRecon } from '../../../src/providers/razorpay/settlement.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { NOW, razorpayEvent, razorpayPayment, razorpayRefund } from './samples.ts';

const SETTLED = NOW / 1000 + 86_400;
const row = (change: object): object => ({
  entity_id: 'pay_MADE1',
  type: 'payment',
  debit: 0,
  credit: 48_820,
  amount: 50_000,
  currency: 'INR',
  fee: 1180,
  tax: 180,
  on_hold: false,
  settled: true,
  created_at: NOW / 1000 - 60,
  settled_at: SETTLED,
  settlement_id: 'setl_MADE1',
  settlement_utr: 'UTRMADE1',
  notes: '{}',
  order_id: 'order_MADE1',
  method: 'upi',
  ...change,
});
const PAYMENT = row({});
const REFUND = row({
  entity_id: 'rfnd_MADE1',
  type: 'refund',
  debit: 10_000,
  credit: 0,
  amount: 10_000,
  fee: 0,
  tax: 0,
  payment_id: 'pay_MADE1',
});
const settlement = (amount: number, change: object = {}): object => ({
  id: 'setl_MADE1',
  entity: 'settlement',
  amount,
  status: 'processed',
  fees: 1180,
  tax: 180,
  utr: 'UTRMADE1',
  created_at: SETTLED,
  ...change,
});
const collection = (...items: readonly object[]): object => ({ entity: 'collection', count: items.length, items });
const read = (...parts: readonly object[]) =>
  itemsOf(settlementRecon, parts.map((part) => JSON.stringify(part)).join('\n'));

describe('settlement recon', () => {
  it('takes the tax out of the fee, and closes with the settlement', async () => {
    const items = await read(collection(PAYMENT), collection(REFUND), settlement(38_820));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      {
        row: 1,
        line: {
          identity: 'setl_MADE1/pay_MADE1',
          kind: 'charge',
          reference: 'pay_MADE1',
          gross: 50_000n,
          fee: 1000n,
          tax: 180n,
          net: 48_820n,
          at: SETTLED * 1000,
          zone: 'Asia/Kolkata',
        },
        keys: { source: 'pay_MADE1', payment: 'pay_MADE1', merchant: 'order_MADE1' },
        occurredAt: NOW - 60_000,
        paymentMethod: 'upi',
      },
      { row: 2, line: { kind: 'refund', reference: 'rfnd_MADE1', gross: -10_000n, net: -10_000n } },
      { row: 3, line: { kind: 'payout', payout: 'setl_MADE1', gross: -38_820n }, keys: { bank: 'UTRMADE1' } },
    ]);
    expect(batchesOf(items)).toMatchObject([{ batch: 'setl_MADE1', currency: 'INR', opening: 0n, closing: 0n }]);
    expect(differenceOf(items, 'setl_MADE1', 'INR')).toBe(0n);
  });

  it('settles what the webhooks announced, to nothing but the money under way', async () => {
    const bodies = [
      razorpayEvent('payment.captured', { payment: razorpayPayment() }),
      razorpayEvent('refund.processed', {
        refund: razorpayRefund({ status: 'processed', amount: 10_000, payment_id: 'pay_MADE1' }),
      }),
      razorpayEvent('transfer.processed', {
        transfer: {
          id: 'trf_MADE1',
          entity: 'transfer',
          status: 'processed',
          recipient: 'acc_SELLER',
          amount: 2000,
          currency: 'INR',
          created_at: NOW / 1000,
        },
      }),
      razorpayEvent('settlement.processed', { settlement: settlement(36_584) }),
    ];
    const events = bodies.flatMap((body) => {
      const meaning = meaningOf(razorpay, body, { settlement_currency: 'INR' });
      return meaning.kind === 'effects' ? meaning.effects : [];
    });
    const transfer = row({
      entity_id: 'trf_MADE1',
      type: 'transfer',
      debit: 2236,
      credit: 0,
      amount: 2000,
      fee: 236,
      tax: 36,
    });
    const lines = linesOf(await read(settlement(36_584), collection(PAYMENT, REFUND, transfer))).map(
      ({ line }) => line,
    );
    expect(lines).toHaveLength(4);
    expect(openItems('razorpay', [...events, ...lines])).toEqual({
      'asset:bank_in_transit[setl_MADE1] - INR': 36_584n,
    });
  });

  it.each([
    [
      'a dispute',
      { type: 'adjustment', dispute_id: 'disp_1', debit: 700, credit: 0, amount: 700 },
      'chargeback',
      'disp_1',
    ],
    [
      'a dispute won',
      { type: 'adjustment', dispute_id: 'disp_1', credit: 700, amount: 700 },
      'chargeback_reversal',
      'disp_1',
    ],
    ['a transfer back', { type: 'reversal', entity_id: 'rvrsl_1', credit: 700, amount: 700 }, 'transfer', 'rvrsl_1'],
    ['an adjustment', { type: 'adjustment', entity_id: 'adj_1', credit: 700, amount: 700 }, 'adjustment', undefined],
    ['a word of tomorrow', { type: 'teleport', entity_id: 'x_1', credit: 700, amount: 700 }, 'other', undefined],
  ])('%s is a line of its kind', async (_, change, kind, reference) => {
    const items = await read(collection(row({ fee: 0, tax: 0, ...change })));
    expect(linesOf(items)).toMatchObject([{ line: { kind, ...(reference === undefined ? {} : { reference }) } }]);
  });

  it('a fee that credits paid is none of the settlement', async () => {
    const items = await read(collection(row({ credit: 50_000, credit_type: 'fee' })));
    expect(linesOf(items)).toMatchObject([{ line: { gross: 50_000n, fee: 0n, tax: 0n, net: 50_000n } }]);
  });

  it('what is on hold is no line yet', async () => {
    expect(await read(collection(row({ settlement_id: null, settled: false, settled_at: null })))).toEqual([]);
  });

  it('settlements that are not on their way move nothing', async () => {
    expect(await read(collection(settlement(5, { status: 'created' }), settlement(6, { status: 'failed' })))).toEqual(
      [],
    );
  });
});

describe('what contradicts itself', () => {
  it.each([
    ['fee', { credit: 48_000 }],
    ['fee', { fee: 1181 }],
    ['credit', { credit: null }],
    ['settled_at', { settled_at: null }],
    ['entity_id', { entity_id: '' }],
    [null, { currency: 'XXX' }],
    [null, { debit: -1 }],
    [null, { amount: '1.5' }],
  ])('%s is told with its record', async (field, change) => {
    const items = await read(collection(PAYMENT, row(change), REFUND));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 2, field }]);
    expect(linesOf(items)).toHaveLength(2);
  });

  it('a settlement without rows, with and without a currency', async () => {
    expect(faultsOf(await read(settlement(5)))).toMatchObject([{ kind: 'contradiction', batch: 'setl_MADE1' }]);
    const items = await itemsOf(settlementRecon, JSON.stringify(settlement(5)), {
      settings: { settlement_currency: 'INR' },
    });
    expect(faultsOf(items)).toMatchObject([{ kind: 'contradiction', field: 'amount' }]);
  });

  it('a row that is missing leaves the settlement open by its amount', async () => {
    const items = await read(collection(PAYMENT), settlement(38_820));
    expect(differenceOf(items, 'setl_MADE1', 'INR')).toBe(10_000n);
  });
});

const samples = samplesFolder('settlements', 'razorpay');
describe.skipIf(!existsSync(samples))("Razorpay's own examples", () => {
  const text = (name: string) => readFileSync(`${samples}/${name}.json`, 'utf8');

  it('the recon: four rows, fee and tax apart', async () => {
    const recon = text('settlement_recon_combined');
    expect(settlementRecon.recognises(recon, null)).toBe(true);
    const items = await itemsOf(settlementRecon, recon);
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ line: { kind, gross, fee, tax, net } }) => [kind, gross, fee, tax, net])).toEqual([
      ['charge', 100_000n, 2900n, 0n, 97_100n],
      ['refund', -242_500n, 0n, 0n, -242_500n],
      ['transfer', -100_000n, 250n, 46n, -100_296n],
      ['adjustment', 1012n, 0n, 0n, 1012n],
    ]);
  });

  it('with the list of settlements, of which it is an excerpt, it does not close', async () => {
    const items = await itemsOf(settlementRecon, text('settlement_recon_combined') + text('settlements_list'), {
      settings: { settlement_currency: 'INR' },
    });
    expect(differenceOf(items, 'setl_DGlQ1Rj8os78Ec', 'INR')).toBe(-244_684n - 9_973_635n);
    expect(faultsOf(items)).toMatchObject([{ batch: 'setl_4xbSwsPABDJ8oK', kind: 'contradiction' }]);
  });
});
