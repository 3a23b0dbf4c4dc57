import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { balanceTransactions } from '../../../src/providers/mollie/balance-settlement.ts';
import { mollie } from '../../../src/providers/mollie/index.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { batchesOf, differenceOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { mollieEvent, molliePayment } from './samples.ts';

const eur = (value: string) => ({ value, currency: 'EUR' });
const txn = (id: string, type: string, initial: string, deductions: string, result: string, context: object = {}) => ({
  resource: 'balance_transaction',
  id: `baltr_${id}`,
  type,
  resultAmount: eur(result),
  initialAmount: eur(initial),
  deductions: deductions === '' ? null : eur(deductions),
  createdAt: '2026-01-10T12:06:28+00:00',
  context,
});
const PAYMENT = txn('1', 'payment', '20.00', '-0.29', '19.71', { paymentId: 'tr_MADE1' });
const REFUND = txn('2', 'refund', '-5.00', '-0.25', '-5.25', { paymentId: 'tr_MADE1', refundId: 're_MADE1' });
const PAYOUT = txn('3', 'outgoing-transfer', '-10.00', '', '-10.00', { settlementId: 'stl_MADE1' });
const page = (elements: readonly object[], next: object | null = null) => ({
  count: elements.length,
  _embedded: { balance_transactions: elements },
  _links: { next },
});
const totals = (available: string, pending: string) => ({
  available: { amount: eur(available) },
  pending: { amount: eur(pending) },
});
const report = (change: object = {}) => ({
  resource: 'balance-report',
  balanceId: 'bal_MADE1',
  timeZone: 'Europe/Amsterdam',
  from: '2026-01-01',
  until: '2026-01-31',
  totals: { open: totals('5.00', '1.00'), close: totals('10.00', '0.46') },
  ...change,
});
const file = (...parts: readonly object[]) => parts.map((part) => JSON.stringify(part)).join('\n');
const read = (...parts: readonly object[]) => itemsOf(balanceTransactions, file(...parts));

describe('balance transactions', () => {
  it('are lines of the period whose report stands before them, and come to its closing', async () => {
    const items = await read(report(), page([PAYMENT, REFUND]), page([PAYOUT]));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      {
        line: {
          identity: 'baltr_1',
          kind: 'charge',
          reference: 'tr_MADE1',
          batch: '2026-01',
          gross: 2000n,
          fee: 29n,
          net: 1971n,
          zone: 'Europe/Amsterdam',
        },
      },
      { line: { kind: 'refund', reference: 're_MADE1', gross: -500n, fee: 25n, net: -525n } },
      { line: { kind: 'payout', payout: 'stl_MADE1', gross: -1000n } },
    ]);
    expect(batchesOf(items)).toMatchObject([{ batch: '2026-01', opening: 600n, closing: 1046n }]);
    expect(differenceOf(items, '2026-01', 'EUR')).toBe(0n);
  });

  it('open and close their period at midnight of Amsterdam', async () => {
    const items = await read(report(), page([PAYMENT]));
    expect(items.filter(({ type }) => type.startsWith('settlement.'))).toEqual([
      {
        type: 'settlement.opening',
        batch: '2026-01',
        neighbour: '2025-12',
        amount: 600n,
        currency: 'EUR',
        at: Date.parse('2025-12-31T23:00:00Z'),
        zone: 'Europe/Amsterdam',
      },
      {
        type: 'settlement.closing',
        batch: '2026-01',
        neighbour: '2026-02',
        amount: 1046n,
        currency: 'EUR',
        at: Date.parse('2026-01-31T23:00:00Z') - 1,
        zone: 'Europe/Amsterdam',
      },
    ]);
    const control = await itemsOf(balanceTransactions, file(report()), { mode: 'payout' });
    expect(control.map(({ type }) => type)).toEqual(['batch']);
  });

  it('what one period leaves the next begins with', async () => {
    const months = [
      report(),
      report({
        from: '2026-02-01',
        until: '2026-02-28',
        totals: { open: totals('10.46', '0.00'), close: totals('10.46', '0.00') },
      }),
    ];
    const told = (await read(...months)).flatMap((item) =>
      item.type === 'settlement.opening' || item.type === 'settlement.closing' ? [item] : [],
    );
    const open = openItems('mollie', told);
    expect(Object.keys(open).filter((name) => name.includes('carry:2026-01>2026-02'))).toEqual([]);
    expect(open).toMatchObject({
      'asset:processor_balance[carry:2025-12>2026-01] - EUR': -600n,
      'asset:processor_balance[carry:2026-02>2026-03] - EUR': 1046n,
    });
  });

  it('without a report they are of their month in Amsterdam', async () => {
    const late = { ...PAYMENT, createdAt: '2026-01-31T23:30:00+00:00' };
    expect(linesOf(await read(page([PAYMENT, late]))).map(({ line }) => line.batch)).toEqual(['2026-01', '2026-02']);
  });

  it('settle what the webhooks announced, fees too', async () => {
    const bodies = [
      mollieEvent('payment.paid', molliePayment()),
      mollieEvent('balance-transaction.created', { ...PAYMENT, resource: 'balance-transaction' }),
    ];
    const events = bodies.flatMap((body) => {
      const meaning = meaningOf(mollie, body, { settlement_mode: 'balance' });
      return meaning.kind === 'effects' ? meaning.effects : [];
    });
    expect(events).toHaveLength(2);
    const lines = linesOf(await read(page([PAYMENT]))).map(({ line }) => line);
    expect(openItems('mollie', [...lines, ...events])).toEqual({ 'asset:processor_balance[2026-01] - EUR': 1971n });
  });

  it.each([
    ['capture', '5.00', 'charge', 'tr_1'],
    ['failed-payment', '-5.00', 'charge', 'tr_1'],
    ['unauthorized-direct-debit', '-5.00', 'chargeback', 'chb_1'],
    ['returned-refund', '5.00', 'refund_reversal', 're_1'],
    ['chargeback', '-5.00', 'chargeback', 'chb_1'],
    ['chargeback-reversal', '5.00', 'chargeback_reversal', 'chb_1'],
    ['application-fee', '5.00', 'platform_fee', 'baltr_9'],
    ['returned-transfer', '5.00', 'payout_reversal', undefined],
    ['invoice-compensation', '0.01', 'fee', undefined],
    ['balance-correction', '0.01', 'adjustment', undefined],
    ['teleport', '0.01', 'other', undefined],
  ])('%s of %s is a %s', async (type, amount, kind, reference) => {
    const context = { paymentId: 'tr_1', refundId: 're_1', chargebackId: 'chb_1', settlementId: 'stl_1' };
    const [line] = linesOf(await read(page([txn('9', type, amount, '', amount, context)])));
    expect(line).toMatchObject({ line: { kind, ...(reference === undefined ? {} : { reference }) } });
  });

  it('deductions below a cent are rounded, and what is given up is kept', async () => {
    const [line] = linesOf(await read(page([txn('9', 'payment', '1.00', '-0.0609', '0.9391', { paymentId: 'tr_1' })])));
    expect(line).toMatchObject({ line: { gross: 100n, fee: 6n, net: 94n }, residue: '-0.09' });
  });
});

describe('what contradicts itself', () => {
  it.each([
    ['resultAmount', { resultAmount: eur('19.72') }],
    ['resultAmount', { resultAmount: null }],
    ['resultAmount', { deductions: { value: '-0.29', currency: 'USD' } }],
    ['createdAt', { createdAt: null }],
    ['createdAt', { createdAt: '2026-02-01T00:00:00+01:00' }],
    ['id', { id: 'a b' }],
  ])('%s is told with its record', async (field, change) => {
    const items = await read(report(), page([REFUND, { ...PAYMENT, ...change }]));
    expect(faultsOf(items)).toMatchObject([{ kind: 'unreadable', row: 3, field }]);
  });

  it('a further page, and a report behind its transactions', async () => {
    expect(faultsOf(await read(page([PAYMENT], { href: 'https://api.mollie.com/x?from=1' })))).toMatchObject([
      { kind: 'contradiction', field: '_links.next' },
    ]);
    expect(faultsOf(await read(page([PAYMENT]), report()))).toMatchObject([
      { kind: 'unreadable', field: 'balance-report' },
    ]);
  });

  it.each([
    [{ until: '2026-02-30' }, 'until'],
    [{ timeZone: 'UTC' }, 'timeZone'],
    [{ totals: { open: totals('1', '1') } }, 'totals.close'],
  ])('a report with %o', async (change, field) => {
    expect(faultsOf(await read(report(change)))).toMatchObject([{ kind: 'unreadable', field }]);
  });
});

const samples = samplesFolder('settlements', 'mollie');
describe.skipIf(!existsSync(samples))("Mollie's own examples", () => {
  const text = (name: string) => readFileSync(`${samples}/${name}.json`, 'utf8');

  it('result is initial and deductions', async () => {
    expect(balanceTransactions.recognises(text('balance_transactions'), null)).toBe(true);
    const items = await itemsOf(balanceTransactions, text('balance_transactions'));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toMatchObject([
      { line: { kind: 'refund', gross: -1000n, fee: 25n, net: -1025n, reference: 're_4qqhO89gsT', batch: '2021-01' } },
      { line: { kind: 'charge', gross: 1000n, fee: 29n, net: 971n } },
    ]);
  });

  it('the report opens with nothing and closes with what is pending', async () => {
    const items = await itemsOf(balanceTransactions, text('php_fake_balance-report'));
    expect(batchesOf(items)).toMatchObject([{ batch: '2024-01', opening: 0n, closing: 432n }]);
  });

  it('without createdAt, as the client library invents them, they are none', async () => {
    const items = await itemsOf(balanceTransactions, text('php_fake_balance-transaction-list'));
    expect(faultsOf(items).map(({ field }) => field)).toEqual(['createdAt', 'createdAt', '_links.next']);
  });
});
