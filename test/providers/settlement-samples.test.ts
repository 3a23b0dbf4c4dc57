import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatMajor, parseMajor } from '../../src/money.ts';
import { adyen } from '../../src/providers/adyen/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { SettlementFormat } from '../../src/providers/settlement-format.ts';
import { stripe } from '../../src/providers/stripe/index.ts';
import { lineFault, UNBATCHED } from '../../src/settlement-line.ts';
import { type ReadReport, readReport } from '../support/report-reading.ts';
import { samplesFolder } from '../support/samples-folder.ts';

/** Real reports of processors, whose rows, sums and closings were counted apart from this project. */
const expected = samplesFolder('settlements', 'expected_invariants.json');
const invariants: Record<string, unknown> = existsSync(expected) ? JSON.parse(readFileSync(expected, 'utf8')) : {};
const named = (folder: string): [string][] =>
  Object.keys(invariants)
    .filter((name) => name.startsWith(folder))
    .map((name) => [name]);

async function sample(provider: Provider, name: string): Promise<ReadReport & { readonly format: SettlementFormat }> {
  const bytes = readFileSync(samplesFolder('settlements', name));
  const fileName = name.split('/').at(-1) ?? name;
  const format = provider.settlements?.find((one) => one.recognises(bytes.toString('utf8', 0, 65_536), fileName));
  if (format === undefined) throw new Error(`no format of ${provider.name} recognises ${name}`);
  const read = await readReport(format, bytes, { fileName, mode: provider === stripe ? 'payout' : format.mode });
  expect(read.faults.filter(({ kind }) => kind === 'unreadable')).toEqual([]);
  expect(read.lines.map(({ line }) => lineFault(line))).toEqual(read.lines.map(() => null));
  expect(
    await readReport(format, bytes, { fileName, mode: provider === stripe ? 'payout' : format.mode }, [97]),
  ).toEqual({
    lines: read.lines,
    batches: read.batches,
    balances: read.balances,
    faults: read.faults,
  });
  return { ...read, format };
}

type AdyenInvariant = {
  batch: string;
  currency: string;
  rows: number;
  sum_net_credit: string;
  sum_net_debit: string;
  closes_to_zero: boolean;
  by_type: Record<string, number>;
};

describe.skipIf(!existsSync(expected))('settlement reports of the samples', () => {
  test.each(named('adyen/'))('%s gives its rows, sums and closing', async (name) => {
    const { lines, faults, batches } = await sample(adyen, name);
    const read = batches.map(({ batch, currency, sequence }) => {
      const own = lines.filter(({ line }) => line.batch === batch && line.currency === currency);
      const nets = own.map(({ line }) => line.net);
      const total = (sign: bigint): string =>
        formatMajor(
          nets.reduce((sum, net) => (net * sign > 0n ? sum + net * sign : sum), 0n),
          2,
        );
      return {
        batch: String(sequence?.value),
        currency,
        rows: own.length,
        sum_net_credit: total(1n),
        sum_net_debit: total(-1n),
        closes_to_zero: !faults.some((fault) => fault.batch === batch && fault.field === 'Net Debit (NC)'),
        by_type: Object.fromEntries(
          [...Map.groupBy(own, ({ line }) => line.word ?? '')].map(([word, rows]) => [word, rows.length]),
        ),
      };
    });
    const wanted = invariants[name] as AdyenInvariant[];
    const major = (text: string): string => formatMajor(parseMajor(text, 2), 2);
    expect(read).toEqual(
      wanted.map((one) => ({
        ...one,
        sum_net_credit: major(one.sum_net_credit),
        sum_net_debit: major(one.sum_net_debit),
      })),
    );
    for (const fault of faults) {
      // What the files say of themselves is known to be cut out of larger ones.
      expect(fault).toMatchObject({ kind: 'contradiction', expected: expect.any(String), found: expect.any(String) });
    }
  });

  type StripeInvariant = {
    rows: number;
    rows_where_gross_minus_fee_ne_net: number;
    net_by_payout_currency_category: {
      payout: string;
      currency: string;
      category: string;
      rows: number;
      net: string;
    }[];
  };

  test.each(named('stripe/').filter(([name]) => name.endsWith('.csv')))('%s gives its rows and sums', async (name) => {
    const { lines, faults } = await sample(stripe, name);
    const wanted = invariants[name] as StripeInvariant;
    expect(lines).toHaveLength(wanted.rows);
    expect(faults.filter(({ reason }) => reason.startsWith('net is not'))).toHaveLength(
      wanted.rows_where_gross_minus_fee_ne_net,
    );
    const groups = Map.groupBy(lines, ({ line }) => `${line.batch} ${line.currency} ${line.word}`);
    const read = [...groups].map(([group, rows]) => [
      group,
      rows.length,
      rows.reduce((sum, { line }) => sum + line.net, 0n),
    ]);
    expect(read.toSorted()).toEqual(
      wanted.net_by_payout_currency_category
        .map(({ payout, currency, category, rows, net }) => [
          `${payout || UNBATCHED} ${currency} ${category}`,
          rows,
          parseMajor(net, 2),
        ])
        .toSorted(),
    );
  });

  test('a report that was edited by hand is refused with line, expected and found', async () => {
    const { faults } = await sample(stripe, 'stripe/settlement_report.csv');
    expect(faults).toEqual([
      expect.objectContaining({
        kind: 'contradiction',
        row: 8,
        field: 'net',
        expected: '24.00 USD',
        found: '23.05 USD',
      }),
      expect.objectContaining({
        kind: 'contradiction',
        row: 8,
        batch: 'po_test123',
        expected: '-23.05 USD',
        found: '23.05 USD',
      }),
    ]);
  });

  test.each([
    ['adyen/payments_accounting_report_chargeback.csv', 'payment_accounting', 1],
    ['adyen/payments_accounting_report_gravy_chargeback.csv', 'payment_accounting', 1],
  ])('%s is a control', async (name, format, rows) => {
    const read = await sample(adyen, name);
    expect([read.format.name, read.lines.length]).toEqual([format, rows]);
    expect(read.lines.map(({ raw }) => raw).join()).not.toContain('@');
  });

  test('the workbook among them is refused with the advice to fetch the CSV', async () => {
    const bytes = readFileSync(samplesFolder('settlements', 'adyen/adyen_test.xlsx'));
    for (const format of [...(adyen.settlements ?? []), ...(stripe.settlements ?? [])]) {
      const { faults, lines } = await readReport(format, bytes);
      expect(lines).toEqual([]);
      expect(faults).toContainEqual(expect.objectContaining({ reason: expect.stringContaining('as CSV') }));
    }
  });
});
