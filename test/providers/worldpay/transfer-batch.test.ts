import { describe, expect, it } from 'vitest';
import { worldpay } from '../../../src/providers/worldpay/index.ts';
import { transferBatch } from '../../../src/providers/worldpay/transfer-batch.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { expectOthersRefused, expectSameHoweverCut, fixture } from '../../support/settlement-fixtures.ts';

const FILE = fixture('worldpay', 'transfer-batch-4711.csv');
const BATCH = 'MADEEUR/4711';
const read = (text: string, settings = {}) => itemsOf(transferBatch, text, { settings });
const changed = (from: string | RegExp, to: string): string => {
  expect(FILE.replace(from, to)).not.toBe(FILE);
  return FILE.replace(from, to);
};

describe('a transfer batch', () => {
  it('is known by its table, wherever it begins', () => {
    expect(transferBatch.recognises(FILE, null)).toBe(true);
    expect(transferBatch.recognises(FILE.slice(FILE.indexOf('Batch Id')), null)).toBe(true);
    expect(transferBatch.recognises('Order Code,Amount\na,1\n', null)).toBe(false);
  });

  it('comes to what was paid', async () => {
    const items = await read(FILE);
    expect(faultsOf(items)).toEqual([]);
    const lines = linesOf(items);
    expect(lines.map(({ row, line: { kind, gross, fee, net } }) => [row, kind, gross, fee, net])).toEqual([
      [5, 'charge', 10_000n, 0n, 10_000n],
      [6, 'charge', 4253n, 40n, 4213n],
      [7, 'refund', -3000n, 0n, -3000n],
      [8, 'chargeback', -2500n, 0n, -2500n],
      [9, 'fee', 0n, 313n, -313n],
      [10, 'payout', -8400n, 0n, -8400n],
    ]);
    expect(lines[1]).toMatchObject({ fxRate: '0.850600', line: { payer: { amount: 5000n, currency: 'USD' } } });
    expect(lines.at(-1)).toMatchObject({ line: { payout: BATCH }, keys: { bank: '4711' } });
    expect(differenceOf(items, BATCH, 'EUR')).toBe(0n);
    expect(lines.map(({ raw }) => raw).join()).not.toContain('Ada');
  });

  it('settles what the webhooks announced, to nothing but the money under way', async () => {
    const event = (type: string, transaction: string, value: number, currencyCode: string, reference?: string) => {
      const amount = { value, currencyCode };
      const eventDetails = { classification: 'payment', transactionReference: transaction, type, amount, reference };
      const body = { eventId: 'e', eventTimestamp: '2026-03-02T10:00:00.000', eventDetails };
      const meaning = meaningOf(worldpay, Buffer.from(JSON.stringify(body)));
      return meaning.kind === 'effects' ? meaning.effects : [];
    };
    const announced = [
      ...event('settled', 'order-1', 10_000, 'EUR'),
      ...event('sentForSettlement', 'order-2', 5000, 'USD'),
      ...event('refunded', 'order-1', 3000, 'EUR', 'back-1'),
      ...event('chargedBack', 'order-3', 2500, 'EUR'),
    ];
    expect(announced).toHaveLength(4);
    const lines = linesOf(await read(FILE)).map(({ line }) => line);
    expect(openItems('worldpay', [...announced, ...lines])).toEqual({
      'asset:disputes_receivable[order-3] - EUR': 2500n,
      [`asset:bank_in_transit[${BATCH}] - EUR`]: 8400n,
    });
  });

  it('has the same lines in whatever zone it is read, and two where two are alike but for their day', async () => {
    const [row = ''] = FILE.split('\n').slice(4, 5);
    const text = `${FILE}${row.replace('2026-03-02', '03/09/2026')}\n`;
    const identities = async (zone: string) =>
      linesOf(await itemsOf(transferBatch, text, { zone })).map(({ line }) => line.identity);
    const read = await identities('UTC');
    expect(await identities('America/New_York')).toEqual(read);
    expect([read.length, new Set(read).size]).toEqual([7, 7]);
  });

  it('a chargeback that is reversed comes back by its row, which no webhook announces', async () => {
    const [head = ''] = FILE.split('\n').slice(3, 4);
    const row = (event: string, amount: string) => `4711,MADEEUR,order-7,${event},03/05/2026,,,,,EUR,${amount},,,`;
    const rows = [row('SETTLED', '7.00'), row('CHARGED_BACK', '-7.00'), row('CHARGEBACK_REVERSED', '7.00')];
    const lines = linesOf(await read(FILE.split('\n').slice(0, 3).concat(head, rows).join('\n'))).map(
      ({ line }) => line,
    );
    const about = { at: 0, currency: 'EUR', amount: 700n } as const;
    const announced = [
      { type: 'payment.captured', key: 'order-7:captured', payment: 'order-7', ...about },
      { type: 'dispute.withdrawn', key: 'order-7:charged_back', dispute: 'order-7', ...about },
    ] as const;
    expect(openItems('worldpay', [...announced, ...lines])).toEqual({
      'asset:processor_balance[MADEEUR/4711] - EUR': 700n,
    });
  });

  it('refunds have the sign the account says, and others are refused', async () => {
    const unsigned = FILE.replace(/-30\.00/g, '30.00').replace(/-25\.00/g, '25.00');
    const positive = { report_refunds: 'positive' };
    const told = (items: Awaited<ReturnType<typeof read>>) => linesOf(items).map(({ line }) => [line.kind, line.gross]);
    expect(told(await read(unsigned, positive))).toEqual(told(await read(FILE)));
    for (const items of [await read(unsigned), await read(FILE, positive)]) {
      const wrong = faultsOf(items).filter(({ kind }) => kind === 'unreadable');
      expect(wrong).toMatchObject([
        { row: 7, field: 'Transfer Amount', reason: expect.stringContaining('report_refunds') },
        { row: 8 },
      ]);
    }
    expect(worldpay.checkSettings(positive)).toEqual([]);
    expect(worldpay.checkSettings({ report_refunds: 'both' })).toMatchObject([{ path: '/report_refunds' }]);
  });

  it.each([
    ['CHARGEBACK_REVERSED', '7.00', 'chargeback_reversal'],
    ['REFUND_FAILED', '7.00', 'refund_reversal'],
    ['DEPOSIT_CORRECTION', '-7.00', 'reserve_hold'],
    ['DEPOSIT_CORRECTION', '7.00', 'reserve_release'],
    ['ROUNDING', '0.01', 'rounding'],
    ['Settled by merchant', '7.00', 'charge'],
    ['PAYMENT_TO_MERCHANT_FAILED', '7.00', 'payout_reversal'],
    ['TELEPORTED', '7.00', 'other'],
  ])('%s of %s is %s', async (event, amount, kind) => {
    const row = `4711,MADEEUR,order-7,${event},03/05/2026,,,,,EUR,${amount},,,`;
    const [line] = linesOf(await read(FILE.split('\n').slice(0, 4).concat(row).join('\n')));
    expect(line?.line).toMatchObject({ kind, at: Date.parse('2026-03-05') });
  });

  it.each([
    ['a row cut out', /4711,MADEEUR,order-2.*\n/, '', '-4213'],
    ['another payout', 'EUR,-84.00', 'EUR,-84.01', '-1'],
    ['no payout', /.*PAYMENT_TO.*\n/, '', '8400'],
  ])('%s is a contradiction', async (_, from, to, found) => {
    const faults = faultsOf(await read(changed(from, to)));
    expect(faults).toMatchObject([{ kind: 'contradiction', batch: BATCH, expected: '0', found }]);
  });

  it.each([
    ['Transfer Amount', ',EUR,100.00,,', ',EUR,100.001,,'],
    ['Transfer Amount', ',EUR,100.00,,', ',EUR,,,'],
    ['Transfer Currency', ',EUR,100.00,,', ',EUX,100.00,,'],
    ['Event Date', 'SETTLED,2026-03-02', 'SETTLED,2026-02-30'],
    ['Payment Amount', ',EUR,100.00,0.00', ',XXX,100.00,0.00'],
    ['Commission Amount', ',EUR,100.00,0.00', ',EUR,100.00,0.50'],
    ['Commission Amount', ',EUR,100.00,0.00', ',EUR,100.00,x'],
    ['Batch ID', '4711,MADEEUR,order-1,SETTLED', ',MADEEUR,order-1,SETTLED'],
  ])('%s: %s as %s is named with its line', async (field, from, to) => {
    const unreadable = faultsOf(await read(changed(from, to))).filter(({ kind }) => kind === 'unreadable');
    expect(unreadable).toMatchObject([{ row: 5, field }]);
  });

  it('a table that is not there, and a row that is cut off', async () => {
    expect(faultsOf(await read(changed('Order Code', 'Order')))).toMatchObject([
      { kind: 'unreadable', reason: expect.stringContaining('Order Code') },
    ]);
    const cut = faultsOf(await read(FILE.trimEnd().slice(0, -20)));
    expect(cut[0]).toMatchObject({ kind: 'unreadable', row: 10 });
  });

  it('is the same however cut', () => expectSameHoweverCut(transferBatch, FILE));
  it('is no workbook', () => expectOthersRefused(transferBatch));
});
