import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gocardless } from '../../../src/providers/gocardless/index.ts';
import { payoutItems } from '../../../src/providers/gocardless/settlement.ts';
import { openItems } from '../../support/open-items.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { batch, type Entry, entry, fetchedPayment, NOW } from './samples.ts';

const payout = (amount: number, change: object = {}): object => ({
  payouts: {
    id: 'POMADE1',
    amount,
    currency: 'GBP',
    deducted_fees: 20,
    created_at: '2026-01-05T09:00:00.000Z',
    arrival_date: '2026-01-07',
    payout_type: 'merchant',
    reference: 'MADE-REF1',
    status: 'paid',
    fx: { fx_amount: null, fx_currency: null, exchange_rate: null, estimated_exchange_rate: null },
    links: { creditor: 'CRMADE1' },
    ...change,
  },
});
const item = (type: string, amount: string, links: object = { payment: 'PMMADE1' }, taxes: object[] = []): object => ({
  type,
  amount,
  links,
  taxes,
});
const page = (items: readonly object[], after?: string): object => ({
  payout_items: items,
  meta: { cursors: { before: null, after: after ?? null }, limit: 50 },
});
const file = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');
const read = (...parts: readonly object[]) => itemsOf(payoutItems, file(...parts));
const GBP_TAX = { amount: '1.1', currency: 'GBP', destination_amount: '1.1', destination_currency: 'GBP' };

describe('payout items', () => {
  it('are lines of the payout before them, rounded each by itself, and close with it', async () => {
    const items = await read(
      payout(978),
      page(
        [item('payment_paid_out', '1000.0'), item('gocardless_fee', '-20.5', { payment: 'PMMADE1' }, [GBP_TAX])],
        'x',
      ),
      page([item('gocardless_fee', '-1.4', { payment: 'PMMADE2' })]),
    );
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      { row: 1, line: { kind: 'payout', payout: 'POMADE1', gross: -978n }, keys: { bank: 'MADE-REF1' } },
      { row: 2, line: { kind: 'charge', reference: 'PMMADE1', gross: 1000n, batch: 'POMADE1' } },
      { row: 3, line: { kind: 'fee', fee: 19n, tax: 1n, net: -20n }, residue: '-0.5', keys: { payment: 'PMMADE1' } },
      { row: 4, line: { kind: 'fee', fee: 1n, tax: 0n }, residue: '-0.4' },
      { row: 1, line: { kind: 'rounding', gross: -1n, net: -1n } },
    ]);
    expect(linesOf(items)[2]).not.toHaveProperty('line.reference');
    expect(batchesOf(items)).toMatchObject([{ batch: 'POMADE1', currency: 'GBP', opening: 0n, closing: 0n }]);
    expect(differenceOf(items, 'POMADE1', 'GBP')).toBe(0n);
  });

  it('more than rounding is left open', async () => {
    const items = await read(payout(900), page([item('payment_paid_out', '1000.0'), item('gocardless_fee', '-20.5')]));
    expect(linesOf(items).some(({ line }) => line.kind === 'rounding')).toBe(false);
    expect(differenceOf(items, 'POMADE1', 'GBP')).toBe(80n);
  });

  it('whole items are never rounded, however small the difference', async () => {
    const items = await read(payout(999), page([item('payment_paid_out', '1000.0')]));
    expect(differenceOf(items, 'POMADE1', 'GBP')).toBe(1n);
  });

  it.each([
    ['payment_failed', '-1000.0', 'charge', 'PMMADE1'],
    ['payment_charged_back', '-1000', 'chargeback', 'PMMADE1'],
    ['payment_charged_back', '1000', 'chargeback_reversal', 'PMMADE1'],
    ['payment_refunded', '-5.0', 'refund', 'RFMADE1'],
    ['refund', '-5.0', 'refund', 'RFMADE1'],
    ['refund_funds_returned', '5.0', 'refund_reversal', 'RFMADE1'],
    ['surcharge_fee', '-5.0', 'fee', undefined],
    ['app_fee', '-5.0', 'fee', undefined],
    ['teleport', '5.0', 'other', undefined],
  ])('%s of %s is a %s', async (type, amount, kind, reference) => {
    const links = { payment: 'PMMADE1', refund: 'RFMADE1', mandate: 'MDMADE1' };
    const [, line] = linesOf(await read(payout(1), page([item(type, amount, links)])));
    expect(line).toMatchObject({ line: { kind, word: type, ...(reference === undefined ? {} : { reference }) } });
  });

  it('what names nothing goes to suspense', async () => {
    expect(linesOf(await read(payout(1), page([item('payment_paid_out', '1.0', {})])))[1]).toMatchObject({
      line: { kind: 'adjustment', net: 1n },
    });
  });

  it('lines have the same identity in another spelling, and another one in another payout', async () => {
    const ids = async (id: string, amount: string) =>
      linesOf(await read(payout(45, { id }), page([item('payment_paid_out', amount)])))[1]?.line.identity;
    const first = await ids('PO1', '45.0');
    expect(await ids('PO1', '45')).toBe(first);
    expect(await ids('PO2', '45.0')).not.toBe(first);
    expect(first).toMatch(/^#/);
  });

  it('a payout in another currency is in the payments’ own, and says what reaches the bank', async () => {
    const fx = { fx_amount: 1150, fx_currency: 'EUR', exchange_rate: '1.15', estimated_exchange_rate: '1.14' };
    const taxes = [{ amount: '2.4', currency: 'EUR', destination_amount: '2.0', destination_currency: 'GBP' }];
    const items = await read(
      payout(1000, { fx }),
      page([item('payment_paid_out', '1012.0'), item('gocardless_fee', '-12.0', {}, taxes)]),
    );
    expect(linesOf(items)).toMatchObject([
      { line: { currency: 'GBP', gross: -1000n, settled: { amount: 1150n, currency: 'EUR' } }, fxRate: '1.15' },
      { line: { currency: 'GBP' } },
      { line: { fee: 10n, tax: 2n } },
    ]);
    expect(differenceOf(items, 'POMADE1', 'GBP')).toBe(0n);
  });

  it('settle what the webhooks announced', async () => {
    const told = (of: Entry, fetched: Buffer) => {
      const meaning = gocardless.normalise(
        {
          item: 0,
          id: 'x',
          type: 'x',
          account: 'main',
          headers: [],
          body: batch([of]),
          receivedAt: NOW,
          level: 'body',
          fetched,
        },
        {},
      );
      return meaning.kind === 'effects' ? meaning.effects : [];
    };
    const confirmed = entry('payments', 'confirmed', { payment: 'PM1' });
    const refundPaid = entry('refunds', 'paid', { refund: 'RF1' });
    const payoutPaid = entry('payouts', 'paid', { payout: 'POMADE1' });
    const charged = entry('payments', 'charged_back', { payment: 'PM2' });
    const events = [
      ...told(confirmed, fetchedPayment('PM1', [confirmed])),
      ...told(charged, fetchedPayment('PM2', [charged])),
      ...told(
        refundPaid,
        Buffer.from('{"refunds":{"id":"RF1","amount":300,"currency":"GBP","links":{"payment":"PM1"}}}'),
      ),
      ...told(payoutPaid, Buffer.from(JSON.stringify(payout(680)))),
    ];
    const lines = linesOf(
      await read(
        payout(680),
        page([
          item('payment_paid_out', '1000.0', { payment: 'PM1' }),
          item('payment_paid_out', '1000.0', { payment: 'PM2' }),
          item('payment_charged_back', '-1000.0', { payment: 'PM2' }),
          item('payment_refunded', '-300.0', { payment: 'PM1', refund: 'RF1' }),
          item('gocardless_fee', '-20.0', { payment: 'PM1' }),
        ]),
      ),
    ).map(({ line }) => line);
    expect(openItems('gocardless', [...events, ...lines])).toEqual({
      'asset:bank_in_transit[POMADE1] - GBP': 680n,
      'asset:disputes_receivable[PM2] - GBP': 1000n,
    });
  });
});

describe('what contradicts itself', () => {
  it.each([
    ['amount', { amount: 'ten' }],
    ['amount', { amount: null }],
    ['taxes.currency', { type: 'gocardless_fee', taxes: [{ amount: '1', currency: 'EUR' }] }],
  ])('%s is told with its record', async (field, change) => {
    const items = await read(
      payout(1),
      page([item('payment_paid_out', '1.0'), { ...item('refund', '-1.0'), ...change }]),
    );
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 3, field }]);
  });

  it('items without their payout belong to none', async () => {
    expect(faultsOf(await read(page([item('refund', '-1.0')])))).toMatchObject([
      { kind: 'unreadable', row: 1, field: 'payout_items' },
    ]);
  });

  it('a payout without its items, or without their last page', async () => {
    expect(faultsOf(await read(payout(1)))).toMatchObject([{ kind: 'contradiction', field: 'payout_items' }]);
    const cut = page([item('payment_paid_out', '1.0')], 'PI1');
    for (const items of [
      await read(payout(1), cut),
      await read(payout(1), cut, payout(1, { id: 'PO2' }), page([item('refund', '1')])),
    ])
      expect(faultsOf(items)).toMatchObject([{ kind: 'contradiction', field: 'meta.cursors.after', batch: 'POMADE1' }]);
  });

  it('a rate that is an estimate still', async () => {
    const fx = { fx_amount: 1, fx_currency: 'EUR', exchange_rate: null, estimated_exchange_rate: '1.1' };
    expect(faultsOf(await read(payout(1, { fx }), page([])))).toMatchObject([{ field: 'fx.exchange_rate' }]);
  });

  it('a payout below zero, or in no currency', async () => {
    expect(faultsOf(await read(payout(-1), page([])))).toHaveLength(1);
    expect(faultsOf(await read(payout(1, { currency: 'XXX' }), page([])))).toHaveLength(1);
  });
});

it('is the same in whatever pieces it comes', async () => {
  const text = file(payout(978), page([item('payment_paid_out', '1000.0'), item('gocardless_fee', '-21.5')]));
  const whole = await itemsOf(payoutItems, text, {}, text.length);
  for (const chunk of [1, 2, 3, 17, 100]) expect(await itemsOf(payoutItems, text, {}, chunk)).toEqual(whole);
});

const samples = samplesFolder('settlements', 'gocardless');
describe.skipIf(!existsSync(samples))("GoCardless' own examples", () => {
  type Call = { body: object };
  const calls = (name: string) =>
    JSON.parse(readFileSync(`${samples}/${name}.json`, 'utf8')) as { list: Call; get: Call };

  it('are read: two items of 45.0, of a payout of 1000 that they do not come to', async () => {
    const items = await read(calls('payouts').get.body, calls('payout_items').list.body);
    expect(linesOf(items).map(({ line: { kind, gross } }) => [kind, gross])).toEqual([
      ['payout', -1000n],
      ['charge', 45n],
      ['charge', 45n],
    ]);
    expect(linesOf(items)[0]).not.toHaveProperty('line.settled');
    // The example names a further page.
    expect(faultsOf(items)).toMatchObject([{ field: 'meta.cursors.after' }]);
    expect(differenceOf(items, 'PO123', 'EUR')).toBe(-910n);
  });
});
