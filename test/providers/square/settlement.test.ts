import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { square } from '../../../src/providers/square/index.ts';
import { payoutEntries } from '../../../src/providers/square/settlement.ts';
import type { SettlementLine } from '../../../src/settlement-line.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { squareEvent, squarePayment } from './samples.ts';

const usd = (amount: number) => ({ amount, currency: 'USD' });

function entry(id: string, type: string, gross: number, fee = 0, details: object = {}, change: object = {}): object {
  return {
    id: `poe_${id}`,
    payout_id: 'po_made1',
    effective_at: '2026-01-02T10:00:00Z',
    type,
    gross_amount_money: usd(gross),
    fee_amount_money: usd(fee),
    net_amount_money: usd(gross - fee),
    [`type_${type.toLowerCase()}_details`]: details,
    ...change,
  };
}

const payout = (amount: number, change: object = {}) => ({
  id: 'po_made1',
  status: 'PAID',
  amount_money: usd(amount),
  created_at: '2026-01-03T07:00:00Z',
  type: 'BATCH',
  end_to_end_id: 'L2100000005',
  ...change,
});

const file = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');
const page = (...entries: readonly object[]) => ({ payout_entries: entries });
const read = (...parts: readonly object[]) => itemsOf(payoutEntries, file(...parts));

const CHARGE = entry('1', 'CHARGE', 1100, 62, { payment_id: 'madePayment1' });
const REFUND = entry('2', 'REFUND', -500, -2, { payment_id: 'madePayment1', refund_id: 'madeRefund1' });
const DISPUTE = entry('3', 'OPEN_DISPUTE', -700, 0, { payment_id: 'madePayment2', dispute_id: 'd1' });

describe('payout entries', () => {
  it('are lines of their payout, which closes with it', async () => {
    const items = await read({ payout: payout(-160) }, page(CHARGE, REFUND, DISPUTE));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).map(({ row, line }) => ({ row, kind: line.kind, net: line.net, batch: line.batch }))).toEqual(
      [
        { row: 1, kind: 'payout', net: 160n, batch: 'po_made1' },
        { row: 2, kind: 'charge', net: 1038n, batch: 'po_made1' },
        { row: 3, kind: 'refund', net: -498n, batch: 'po_made1' },
        { row: 4, kind: 'chargeback', net: -700n, batch: 'po_made1' },
      ],
    );
    expect(linesOf(items)[1]).toMatchObject({
      raw: JSON.stringify(CHARGE),
      line: { identity: 'poe_1', reference: 'madePayment1', gross: 1100n, fee: 62n, tax: 0n, currency: 'USD' },
      keys: { payment: 'madePayment1' },
    });
    expect(linesOf(items)[0]?.keys).toEqual({ source: 'po_made1', bank: 'L2100000005' });
    expect(differenceOf(items, 'po_made1', 'USD')).toBe(0n);
  });

  it('settle what the webhooks announced, to nothing', async () => {
    const fee = (amount: number) => [
      { type: 'INITIAL', effective_at: '2026-01-02T10:00:00Z', amount_money: usd(amount) },
    ];
    const bodies = [
      squareEvent('payment.updated', 'payment', squarePayment({ processing_fee: fee(62) })),
      squareEvent('refund.updated', 'refund', {
        id: 'madeRefund1',
        status: 'COMPLETED',
        amount_money: usd(500),
        payment_id: 'madePayment1',
        processing_fee: fee(-2),
      }),
      squareEvent('dispute.created', 'dispute', { id: 'd1', state: 'EVIDENCE_REQUIRED', amount_money: usd(700) }),
      squareEvent('payout.sent', 'payout', payout(-160, { status: 'SENT' })),
    ];
    const events = bodies.flatMap((body) => {
      const meaning = meaningOf(square, body);
      return meaning.kind === 'effects' ? meaning.effects : [];
    });
    const lines = linesOf(await read({ payout: payout(-160) }, page(CHARGE, REFUND, DISPUTE))).map(({ line }) => line);
    const open = {
      'asset:bank_in_transit[po_made1] - USD': -160n,
      'asset:disputes_receivable[d1] - USD': 700n,
    };
    expect(openItems('square', [...events, ...lines])).toEqual(open);
    expect(openItems('square', [...lines, ...events])).toEqual(open);
  });

  it.each([
    ['FEE', -30, 0, { kind: 'fee', gross: 0n, fee: 30n, net: -30n }],
    ['DEPOSIT_FEE_REVERSED', 15, 0, { kind: 'fee', fee: -15n, net: 15n }],
    ['FREE_PROCESSING', 29, 0, { kind: 'fee', fee: -29n }],
    ['TAX_ON_FEE', -5, 0, { kind: 'tax', fee: 0n, tax: 5n, net: -5n }],
    ['DISPUTE', 700, 0, { kind: 'chargeback_reversal', reference: 'd1' }],
    ['RESERVE_HOLD', -100, 0, { kind: 'reserve_hold', hold: 'p1' }],
    ['RELEASE_ADJUSTMENT', 100, 0, { kind: 'reserve_release', hold: 'p1' }],
    ['APP_FEE_REVENUE', 40, 0, { kind: 'platform_fee', reference: 'poe_9' }],
    ['SQUARE_CAPITAL_PAYMENT', -50, 0, { kind: 'adjustment', net: -50n }],
    ['RETURNED_PAYOUT', 500, 0, { kind: 'adjustment' }],
    ['TELEPORT', 3, 1, { kind: 'other', fee: 1n, net: 2n, word: 'TELEPORT' }],
  ])('%s of %i is told as what it is', async (type, gross, fee, expected) => {
    const items = await read(page(entry('9', type, gross, fee, { payment_id: 'p1', dispute_id: 'd1' })));
    expect(linesOf(items)).toMatchObject([{ line: expected }]);
  });

  it('what a hold cost is a line of its own', async () => {
    const items = await read(page(entry('9', 'RESERVE_HOLD', -100, 3, { payment_id: 'p1' })));
    expect(linesOf(items)).toMatchObject([
      { line: { identity: 'poe_9', kind: 'reserve_hold', net: -100n, fee: 0n } },
      { line: { identity: 'poe_9/fee', kind: 'fee', fee: 3n, net: -3n } },
    ]);
  });

  it('a charge that names no payment goes to suspense, not away', async () => {
    expect(linesOf(await read(page(entry('9', 'CHARGE', 5))))).toMatchObject([
      { line: { kind: 'adjustment', net: 5n } },
    ]);
  });

  describe('a payout of one transfer', () => {
    const simple = (id: string) => payout(300, { id, type: 'SIMPLE', created_at: '2026-01-01T00:00:00Z' });
    const batch = [
      { payouts: [payout(700)] },
      page(entry('1', 'CHARGE', 1000, 0, { payment_id: 'p1' }), entry('2', 'PAYOUT', -300)),
    ];
    const open = {
      'asset:bank_in_transit[po_simple] - USD': 300n,
      'asset:bank_in_transit[po_made1] - USD': 700n,
      'asset:processor_pending[p1] gross USD': -1000n,
    };
    const linesIn = async (...files: readonly (readonly object[])[]): Promise<SettlementLine[]> =>
      (await Promise.all(files.map((file) => read(...file)))).flatMap((items) =>
        linesOf(items).map(({ line }) => line),
      );

    it.each([
      ['in one file', [[{ payouts: [simple('po_simple')] }, ...batch]]],
      ['in files of their own', [[{ payout: simple('po_simple') }], batch]],
      ['in files of their own, the later first', [batch, [{ payout: simple('po_simple') }]]],
    ])('is paid ahead, and found again among the entries of a later batch: %s', async (_, files) => {
      for (const file of files) {
        const items = await read(...file);
        for (const one of batchesOf(items)) {
          expect(one).toMatchObject({ opening: 0n, closing: 0n });
          expect(differenceOf(items, one.batch, 'USD')).toBe(0n);
        }
      }
      expect(openItems('square', await linesIn(...files))).toEqual(open);
    });

    it('waits for its entry, or the entry for it, by the amount alone', async () => {
      const waiting = await linesIn([{ payouts: [simple('po_a'), simple('po_b')] }], batch);
      expect(openItems('square', waiting)).toMatchObject({
        'asset:processor_balance[carry:SIMPLE>300] - USD': -300n,
        'asset:bank_in_transit[po_a] - USD': 300n,
        'asset:bank_in_transit[po_b] - USD': 300n,
      });
      expect(openItems('square', await linesIn(batch))).toMatchObject({
        'asset:processor_balance[carry:SIMPLE>300] - USD': 300n,
      });
    });
  });
});

describe('what contradicts itself', () => {
  it.each([
    ['net', { net_amount_money: usd(999) }, 'net_amount_money'],
    ['currencies', { fee_amount_money: { amount: 62, currency: 'CAD' } }, 'net_amount_money'],
    ['no amount', { gross_amount_money: null }, 'net_amount_money'],
    ['no time', { effective_at: 'yesterday' }, 'effective_at'],
    ['no id', { id: '' }, 'id'],
    ['no payout', { payout_id: null }, 'payout_id'],
  ])('%s is told with its record', async (_, change, field) => {
    const items = await read(page(CHARGE, { ...CHARGE, id: 'poe_x', ...change }, REFUND));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 2, field }]);
    expect(linesOf(items)).toHaveLength(2);
  });

  it.each([
    ['UNKNOWN_CURRENCY', 1],
    ['USD', 1.5],
  ])('%s %d is no amount', async (currency, amount) => {
    const items = await read(page({ ...CHARGE, gross_amount_money: { amount, currency } }));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 1 }]);
  });

  it('a last page that names another is cut short', async () => {
    const first = { ...page(CHARGE), cursor: 'next' };
    expect(faultsOf(await read(first, page(REFUND)))).toEqual([]);
    for (const items of [await read(first), await read(first, { payout: payout(5, { id: 'po_2' }) })])
      expect(faultsOf(items)).toMatchObject([{ kind: 'contradiction', field: 'cursor', batch: 'po_made1' }]);
  });

  it('an empty file, and one that breaks off, are none', async () => {
    expect(faultsOf(await itemsOf(payoutEntries, ''))).toMatchObject([{ row: null, reason: /no record/ }]);
    const whole = file({ payout: payout(1) }, page(CHARGE));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: whole.length - 1 }), async (length) => {
        const cut = whole.slice(0, length);
        const isWholePart = cut.trimEnd() === JSON.stringify({ payout: payout(1) });
        expect(faultsOf(await itemsOf(payoutEntries, cut))).toHaveLength(isWholePart ? 0 : 1);
      }),
    );
  });
});

it('is the same in whatever pieces it comes', async () => {
  const text = file({ payout: payout(-160) }, page(CHARGE, REFUND, DISPUTE));
  const whole = await itemsOf(payoutEntries, text, {}, text.length);
  for (const chunk of [1, 2, 3, 17, 500]) expect(await itemsOf(payoutEntries, text, {}, chunk)).toEqual(whole);
});

const samples = samplesFolder('settlements', 'square');
describe.skipIf(!existsSync(samples))("Square's own examples", () => {
  const text = (name: string) => readFileSync(`${samples}/${name}.json`, 'utf8');

  it('have three currencies in one entry, and a further page', async () => {
    const items = await itemsOf(payoutEntries, text('list_payout_entries_response'));
    expect(faultsOf(items).map(({ kind, row }) => [kind, row])).toEqual([
      ['unreadable', 1],
      ['unreadable', 2],
      ['contradiction', 2],
    ]);
  });

  it('in one currency, net is gross − fee', async () => {
    const one = text('list_payout_entries_response').replaceAll(/"currency": "\w+"/g, '"currency": "USD"');
    expect(linesOf(await itemsOf(payoutEntries, one))).toMatchObject([
      { line: { kind: 'refund', gross: -50n, fee: -2n, net: -48n } },
      { line: { kind: 'charge', gross: 100n, fee: 19n, net: 81n } },
    ]);
  });

  it.each(['get_payout_response', 'list_payouts_response'])('%s is known as one', async (name) => {
    expect(payoutEntries.recognises(text(name), null)).toBe(true);
    expect(linesOf(await itemsOf(payoutEntries, text(name))).at(-1)).toMatchObject({
      line: { kind: 'payout', gross: 103n, payout: 'po_f3c0fb38-a5ce-427d-b858-52b925b72e45', currency: 'AUD' },
    });
  });
});
