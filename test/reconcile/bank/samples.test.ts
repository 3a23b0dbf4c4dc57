import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exactMinor } from '../../../src/decimal-amount.ts';
import { bai2 } from '../../../src/reconcile/bank/bai2.ts';
import { type Bai2Part, bai2Records } from '../../../src/reconcile/bank/bai2-records.ts';
import { bankExponent } from '../../../src/reconcile/bank/bank-amount.ts';
import { camt053 } from '../../../src/reconcile/bank/camt053.ts';
import { csvStatement } from '../../../src/reconcile/bank/csv-statement.ts';
import { bankFormats } from '../../../src/reconcile/bank/formats.ts';
import { mt940 } from '../../../src/reconcile/bank/mt940.ts';
import { textLines } from '../../../src/reconcile/bank/text-lines.ts';
import type { BankFormat } from '../../../src/reconcile/bank-format.ts';
import { type ReadBank, readBank } from '../../support/bank-statements.ts';
import { samplesFolder } from '../../support/samples-folder.ts';

const folder = samplesFolder('settlements');
const isThere = existsSync(join(folder, 'expected_invariants.json'));

type CamtStatement = {
  kind: 'Stmt' | 'Rpt' | 'Ntfctn';
  entries: number;
  sum_entries: string | null;
  balances: Record<string, string>;
};
type Expected = {
  statements?: CamtStatement[];
  tx_61?: number;
  open?: string[];
  close?: string[];
  record_codes?: Record<string, number>;
};

const all: Record<string, Expected> = isThere
  ? JSON.parse(readFileSync(join(folder, 'expected_invariants.json'), 'utf8'))
  : {};
const of = (name: string): [string, Expected][] => Object.entries(all).filter(([file]) => file.startsWith(`${name}/`));
const bytesOf = (file: string): Buffer => readFileSync(join(folder, file));

/** "18.150 EUR" in minor units. */
function minor(text: string): { amount: bigint | null; currency: string } {
  const [amount = '', currency = ''] = text.split(' ');
  return { amount: exactMinor(amount, bankExponent(currency) ?? 2), currency };
}

describe.skipIf(!isThere)('the samples of camt', () => {
  it.each(of('camt053'))('%s has its entries, sums and balances', async (file, { statements = [] }) => {
    const read = await readBank(camt053, bytesOf(file));
    expect(statements.filter(({ kind }) => kind !== 'Stmt')).toHaveLength(
      read.faults.filter(({ field }) => field === 'Rpt' || field === 'Ntfctn').length,
    );
    for (const expected of statements) {
      if (expected.kind === 'Stmt') expectStatement(read, statements.indexOf(expected), expected);
      else expectRefused(read, expected);
    }
    if (statements.length === 0) expect(read.faults).toMatchObject([{ kind: 'unreadable', row: 3 }]);
  });

  function expectStatement(read: ReadBank, n: number, expected: CamtStatement): void {
    const names = [...new Set([...read.entries, ...read.statements].map(({ statement }) => statement))];
    const name = names[n];
    const entries = read.entries.filter(({ statement }) => statement === name);
    const unread = read.faults.filter(({ field }) => field === 'Amt').length;
    expect(entries.length + unread).toBe(expected.entries);
    if (expected.sum_entries === null) {
      expect(unread).toBe(1);
      return;
    }
    const sum = entries.reduce((total, { amount }) => total + amount, 0n);
    expect(sum).toBe(exactMinor(expected.sum_entries, 2));
    const told = read.statements.filter(({ statement }) => statement === name);
    expect(told.reduce((total, one) => total + one.sum, 0n)).toBe(sum);
    expect(told.reduce((total, one) => total + one.entries, 0)).toBe(expected.entries);
    for (const [code, which] of [['OPBD', 'opening'] as const, ['CLBD', 'closing'] as const]) {
      const stated = expected.balances[code];
      const { amount, currency } = minor(stated ?? '');
      if (stated === undefined) expect(told.every((one) => one[which] === null)).toBe(true);
      else expect(told.find((one) => one.currency === currency)?.[which]).toBe(amount);
    }
  }

  function expectRefused(read: ReadBank, { entries, sum_entries: sum }: CamtStatement): void {
    expect(read.entries).toEqual([]);
    const { amount } = minor(`${sum} SEK`);
    const [, count, told] = /its (\d+) entr(?:y|ies) \((\S+) /.exec(read.faults[0]?.reason ?? '') ?? [];
    expect([Number(count), exactMinor(told ?? '', 2)]).toEqual([entries, amount]);
  }

  const closing = [
    'business_sample_camt.053.001.04.xml',
    'camt.053.001.02.xml',
    'golden_camt053_multicurrency.xml',
    'oca_test-camt053-no-ntry.xml',
  ];
  it.each(readdirIf('camt053'))('%s is imported if it closes, and else names the line', async (file) => {
    const { faults } = await readBank(camt053, bytesOf(`camt053/${file}`));
    expect(faults.length === 0).toBe(closing.includes(file));
    for (const fault of faults) expect(fault.row).toBeGreaterThan(0);
  });
});

describe.skipIf(!isThere)('the samples of MT940', () => {
  it.each(of('mt940'))('%s has its lines and balances', async (file, expected) => {
    const { entries, statements, faults } = await readBank(mt940, bytesOf(file));
    const unread = faults.filter(({ field, value }) => field === ':61:' && value !== null).length;
    const refused = faults.reduce((sum, { reason }) => sum + Number(/ (\d+) entr/.exec(reason)?.[1] ?? 0), 0);
    expect(entries.length + unread + refused).toBe(expected.tx_61);
    expect(statements.map(({ opening }) => opening).filter((one) => one !== null)).toEqual(amounts(expected.open));
    expect(statements.map(({ closing }) => closing).filter((one) => one !== null)).toEqual(amounts(expected.close));
    expect(statements.reduce((sum, one) => sum + one.entries, 0)).toBe(entries.length);
  });

  function amounts(balances: readonly string[] = []): (bigint | null)[] {
    return balances.map((text) => {
      const [, mark, currency = '', amount = ''] = /^([CD])\d{6}([A-Z]{3})([\d,]+)/.exec(text) ?? [];
      const value = minor(`${amount.replace(/,$/, '').replace(',', '.')} ${currency}`).amount;
      return value === null || mark === 'C' ? value : -value;
    });
  }

  const closing = [
    'cmxl_mt940.sta',
    'jejik_generic.sta',
    'jejik_rabobank-iban.sta',
    'mBank_mt940.sta',
    'oca_test-ing-old.940',
    'oca_test-ing.940',
    'self-provided_long_statement_number.sta',
    'self-provided_transaction_details_wrapped.sta',
  ];
  it.each(readdirIf('mt940'))('%s is imported if it closes, and else names the line', async (file) => {
    const { faults } = await readBank(mt940, bytesOf(`mt940/${file}`));
    expect(faults.length === 0).toBe(closing.includes(file));
    for (const fault of faults) expect(fault.row).toBeGreaterThan(0);
  });
});

describe.skipIf(!isThere)('the samples of BAI2', () => {
  it.each(of('bai2'))('%s has its records', async (file, { record_codes: expected }) => {
    const bytes = bytesOf(file);
    const parts: Bai2Part[] = [];
    for await (const some of bai2Records(
      textLines(
        (async function* () {
          yield bytes;
        })(),
      ),
    ))
      parts.push(...some);
    // The list counts records as a slash ends them: one behind a text that only its line ended is not in it.
    const counted: Record<string, number> = {};
    let isTerminated = true;
    for (const part of parts) {
      if (part.kind !== 'record') continue;
      if (isTerminated) counted[part.code] = (counted[part.code] ?? 0) + 1;
      isTerminated = part.isTerminated;
      if (part.isTerminated && part.count > 1) counted['88'] = (counted['88'] ?? 0) + part.count - 1;
    }
    expect(counted).toEqual(expected);
  });

  it('agree with their control totals, or contradict themselves line by line', async () => {
    const told = await Promise.all(
      of('bai2').map(async ([file]) => [file, await readBank(bai2, bytesOf(file))] as const),
    );
    const faults = Object.fromEntries(told.map(([file, read]) => [file.slice(5), read.faults.map(({ row }) => row)]));
    expect(faults).toEqual({
      'sample-parseError.txt': [1, 1],
      'sample1.txt': [],
      // A group that corrects what was sent before.
      'sample2.txt': [26],
      'sample4-continuations-newline-delimited.txt': [22, 22, 23, 110, 110, 115, 115, 115, 116],
    });
    const entries = told.map(([, read]) => read.entries.length);
    expect(entries).toEqual([0, 17, 4, 17]);
  });
});

const mapping = {
  account: { value: 'DE00000000000000000000' },
  currency: { value: 'EUR' },
  date: { column: 'Date', format: 'MM/DD/YYYY' },
  amount: { column: 'Amount' },
  thousands: ',',
  text: ['Label'],
  counterparty: { name: 'Partner Name', account: 'Bank Account' },
};
const CSV: Readonly<Record<string, { mapping: object; sums: Record<string, bigint>; rows?: number[] }>> = {
  'balance.csv': { mapping: { ...mapping, balance: { column: 'Balance' } }, sums: { EUR: 150_000n } },
  'debit_credit.csv': {
    mapping: {
      ...mapping,
      amount: { column: 'Amount', direction: 'D/C', debit: ['D'], credit: ['C'], negative: 'ignored' },
      balance: { column: 'Balance' },
    },
    sums: { EUR: 150_000n },
  },
  'csv_garbled_amount.csv': {
    mapping: {
      ...{ account: { value: 'X' }, currency: { column: 'Currency' }, text: ['Description'] },
      ...{ amount: { column: 'Amount' }, date: { column: 'Date', format: 'YYYY-MM-DD' } },
    },
    sums: { EUR: 10_000n },
    rows: [3],
  },
  'meta_data_separated_credit_debit.csv': {
    mapping: {
      ...{
        account: { value: '08088804068' },
        currency: { value: 'EUR' },
        date: { column: 'Date', format: 'DD/MM/YY' },
      },
      ...{ amount: { debit: 'Debit', credit: 'Credit', negative: 'ignored' }, decimal: ',', id: 'Operation Number' },
      ...{ opening: 'Balance at start', closing: 'Balance at end', text: ['Label', 'Detail'] },
    },
    sums: { EUR: 106_932n },
    // Its rows come to two cents less than its balances.
    rows: [6],
  },
  'multi_currency.csv': {
    mapping: { ...mapping, currency: { column: 'Currency' } },
    sums: { USD: -3_350n, EUR: 152_500n },
  },
  'original_currency.csv': { mapping: { ...mapping, currency: { column: 'Currency' } }, sums: { EUR: 152_500n } },
  'sample_statement_credit_card_inverse_sign_en.csv': {
    mapping: { ...mapping, currency: { column: 'Currency' }, amount: { column: 'Amount', inverted: true } },
    sums: { USD: -3_350n, EUR: 152_500n },
  },
  'sample_statement_en.csv': {
    mapping: { ...mapping, currency: { column: 'Currency' } },
    sums: { USD: -3_350n, EUR: 152_500n },
  },
};

describe.skipIf(!isThere)('the samples of CSV', () => {
  it.each(readdirIf('generic-bank-csv'))('%s comes to its sums by a mapping', async (file) => {
    const expected = CSV[file];
    if (expected === undefined) throw new Error('a sample without a mapping');
    const read = await readBank(csvStatement, bytesOf(`generic-bank-csv/${file}`), { mapping: expected.mapping });
    expect(Object.fromEntries(read.statements.map(({ currency, sum }) => [currency, sum]))).toEqual(expected.sums);
    expect(read.faults.map(({ row }) => row)).toEqual(expected.rows ?? []);
  });
});

describe.skipIf(!isThere)('a file', () => {
  const files: [string, BankFormat][] = (
    [
      ['camt053', camt053],
      ['mt940', mt940],
      ['bai2', bai2],
      ['generic-bank-csv', csvStatement],
    ] as const
  ).flatMap(([name, format]) => readdirIf(name).map((file): [string, BankFormat] => [`${name}/${file}`, format]));

  it.each(files)('%s read by any format neither throws nor is silently empty', async (file) => {
    for (const format of bankFormats) {
      const { entries, statements, faults } = await readBank(format, bytesOf(file), { mapping });
      expect(entries.length + statements.length + faults.length).toBeGreaterThan(0);
    }
  });

  const unmarked = ['bai2/sample-parseError.txt', 'mt940/self-provided_invalid_statement.sta'];
  it.each(files.filter(([file]) => !unmarked.includes(file)))('%s is recognised', (file, format) => {
    const head = bytesOf(file).subarray(0, 65_536).toString('utf8');
    // Fragments of an MT940 have nothing of a statement to be known by.
    if (file.startsWith('mt940/') && !/:20:/.test(head)) return;
    if (file.endsWith('empty_line.sta')) return;
    expect(bankFormats.find((one) => one.recognises(head))?.name).toBe(format.name);
  });
});

function readdirIf(name: string): string[] {
  return isThere ? readdirSync(join(folder, name)).sort() : [];
}
