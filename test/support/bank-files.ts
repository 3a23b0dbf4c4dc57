import { bankFormats } from '../../src/reconcile/bank/formats.ts';
import { createBankImporter } from '../../src/reconcile/import/bank-importer.ts';
import type { TestDatabase } from './database.ts';

export type Entered = { readonly id: string; readonly amount: number; readonly text?: string };

export type BankDay = {
  readonly account: string;
  /** Absent: the bank does not number its statements. */
  readonly no?: number;
  /** `2026-03-05`. */
  readonly day: string;
  readonly opens: number;
  readonly entries?: readonly Entered[];
  readonly currency?: string;
};

/** One statement of one day, as MT940. Amounts are minor units. */
export function mt940({ account, no = 0, day, opens, entries = [], currency = 'EUR' }: BankDay): string {
  const short = day.slice(2).replaceAll('-', '');
  const money = (amount: number): string => (Math.abs(amount) / 100).toFixed(2).replace('.', ',');
  const balance = (amount: number): string => `${amount < 0 ? 'D' : 'C'}${short}${currency}${money(amount)}`;
  const closes = entries.reduce((sum, { amount }) => sum + amount, opens);
  return [
    ...[`:20:S${short}`, `:25:${account}`, `:28C:${no}/1`, `:60F:${balance(opens)}`],
    ...entries.flatMap(({ id, amount, text = 'x' }) => [
      `:61:${short}${amount < 0 ? 'D' : 'C'}${money(amount)}NTRFNONREF//${id}`,
      `:86:${text}`,
    ]),
    ...[`:62F:${balance(closes)}`, '-', ''],
  ].join('\r\n');
}

/** Imports files as they are; answers what became of each. */
export function bankFiles(database: TestDatabase, clock: { now(): number }) {
  const importer = createBankImporter({ pool: database.appPool, formats: bankFormats, clock });
  return async (...files: readonly string[]): Promise<string[]> => {
    const kinds: string[] = [];
    for (const file of files) {
      const order = { format: null, fileName: null, mapping: null, zone: 'UTC', actor: 'test' };
      kinds.push((await importer.receive(order, bytesOf(file))).kind);
    }
    return kinds;
  };
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
