import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bai2 } from '../../../src/reconcile/bank/bai2.ts';
import { camt053 } from '../../../src/reconcile/bank/camt053.ts';
import { csvStatement } from '../../../src/reconcile/bank/csv-statement.ts';
import { bankFormats } from '../../../src/reconcile/bank/formats.ts';
import { mt940 } from '../../../src/reconcile/bank/mt940.ts';
import type { BankFormat } from '../../../src/reconcile/bank-format.ts';
import { readBank, readBankStream } from '../../support/bank-statements.ts';

const fixtures: [string, BankFormat][] = [
  ['two-accounts.camt.053.001.08.xml', camt053],
  ['two-pages.sta', mt940],
  ['two-accounts.bai2', bai2],
  ['german.csv', csvStatement],
];
const mapping: unknown = JSON.parse(readFileSync('test/fixtures/bank/german.mapping.json', 'utf8'));
const context = { mapping, zone: 'Europe/Berlin', fileName: 'x' };
const bytesOf = (name: string): Buffer => readFileSync(`test/fixtures/bank/${name}`);

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    // A buffer of its own, as a stream's chunks are.
    yield Uint8Array.from(bytes.subarray(from, cut));
    from = cut;
  }
  yield Uint8Array.from(bytes.subarray(from));
}

describe.each(fixtures)('%s', (name, format) => {
  const bytes = bytesOf(name);

  it('is the same in pieces of any size', async () => {
    const whole = await readBank(format, bytes, { ...context, chunk: bytes.length });
    for (const chunk of [1, 2, 3, 7, 64]) expect(await readBank(format, bytes, { ...context, chunk })).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), async (cuts) => {
        expect(await readBankStream(format, pieces(bytes, cuts), context)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same in pieces of any size where it is broken', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: bytes.length - 1 }),
        fc.constantFrom('<', '&', '/', ',', '\n', '"', ':', '-', '\u0000', '\u00fc', ''),
        fc.array(fc.nat({ max: bytes.length }), { maxLength: 5 }),
        async (at, sign, cuts) => {
          const broken = Buffer.concat([bytes.subarray(0, at), Buffer.from(sign), bytes.subarray(at + 1)]);
          const within = cuts.map((cut) => Math.min(cut, broken.length));
          const whole = await readBank(format, broken, { ...context, chunk: broken.length });
          expect(await readBankStream(format, pieces(broken, within), context)).toEqual(whole);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('cut off anywhere is never whole, and never silent', async () => {
    const whole = await readBank(format, bytes, context);
    for (let end = 0; end < bytes.length; end += 17) {
      const { entries, faults, statements } = await readBank(format, bytes.subarray(0, end), context);
      // The last one may be without its end.
      expect(entries.slice(0, -1)).toEqual(whole.entries.slice(0, Math.max(entries.length - 1, 0)));
      if (faults.length > 0) continue;
      // MT940 ends with any of its messages, and CSV with any of its rows: neither says that more should come.
      if (format === camt053 || format === bai2) expect(statements).toEqual(whole.statements);
      else expect(statements.length).toBeGreaterThan(0);
    }
  });

  it('is recognised by its format alone', () => {
    const head = bytes.toString('latin1');
    expect(bankFormats.find((one) => one.recognises(head))?.name).toBe(format.name);
  });
});
