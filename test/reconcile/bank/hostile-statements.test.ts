import { describe, expect, it } from 'vitest';
import { FAULTS_MAX } from '../../../src/providers/settlement-format.ts';
import { bai2 } from '../../../src/reconcile/bank/bai2.ts';
import { camt053 } from '../../../src/reconcile/bank/camt053.ts';
import { csvStatement } from '../../../src/reconcile/bank/csv-statement.ts';
import { bankFormats } from '../../../src/reconcile/bank/formats.ts';
import { mt940 } from '../../../src/reconcile/bank/mt940.ts';
import { DEPTH_MAX } from '../../../src/reconcile/bank/xml-events.ts';
import type { BankFormat } from '../../../src/reconcile/bank-format.ts';
import { readBank, readBankStream } from '../../support/bank-statements.ts';

const mapping = {
  account: { value: 'A' },
  currency: { value: 'EUR' },
  date: { column: 'Date', format: 'YYYY-MM-DD' },
  amount: { column: 'Amount' },
};
const CHUNK = 65_536;
const GIGABYTE = 2 ** 30;

/** `head`, then a gigabyte of the same; counts what was taken of it. */
function endless(head: string, filler: string): { source: AsyncIterable<Uint8Array>; taken(): number } {
  let taken = 0;
  const chunk = Buffer.from(filler.repeat(CHUNK / filler.length));
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(head);
    for (; taken < GIGABYTE; taken += chunk.length) yield chunk;
  }
  return { source: source(), taken: () => taken };
}

const read = (format: BankFormat, source: AsyncIterable<Uint8Array>) =>
  readBankStream(format, source, { mapping, zone: 'UTC', fileName: null });

describe('a gigabyte', () => {
  it.each([
    ['in one text', camt053, '<Document><BkToCstmrStmt><Stmt><Id>', 'a'],
    ['in one tag', camt053, '<Document><', 'a'],
    ['in one attribute', camt053, '<Document x="', 'a'],
    ['of attributes', camt053, '<Document ', 'x'],
    ['in one comment', camt053, '<Document><!--', 'a'],
    ['in one CDATA', camt053, '<Document><![CDATA[', 'a'],
    ['in one instruction', camt053, '<Document><?x ', 'a'],
    ['in one DOCTYPE', camt053, '<!DOCTYPE x [<!ENTITY a "', 'a'],
    ['of character references', camt053, '<Document><BkToCstmrStmt><Stmt><Id>', '&#65;&#65;&#x41;&'.slice(0, 16)],
    ['in one line', mt940, ':20:', 'a'],
    ['of carriage returns', mt940, ':20:', '\r'],
    ['in one line', bai2, '01,', 'a'],
    ['in one row', csvStatement, 'Date,Amount\n', 'a'],
    ['in one quote', csvStatement, 'Date,Amount\n"', 'a,\n-'],
  ])('%s of %o is refused after a few megabytes', async (_name, format, head, filler) => {
    const { source, taken } = endless(head, filler);
    const { entries, faults } = await read(format, source);
    expect(entries).toEqual([]);
    expect(faults).toContainEqual(expect.objectContaining({ kind: 'unreadable' }));
    expect(taken()).toBeLessThan(8 * 2 ** 20);
  });

  it.each([
    ['one field', mt940, ':20:X\n:60F:C260302EUR0,\n:61:', `${'a'.repeat(63)}\n`],
    ['one record', bai2, '01,A,B,260302,0600,1,,,2/\n16,195,', `88,${'a'.repeat(60)}\n`],
  ])('of continuations of %s is bounded', async (_name, format, head, filler) => {
    // 32 MiB are enough to see that nothing gathers.
    const chunk = Buffer.from(filler.repeat(CHUNK / 64));
    const before = process.memoryUsage().heapUsed;
    const { faults } = await read(
      format,
      (async function* () {
        yield Buffer.from(head);
        for (let n = 0; n < 512; n += 1) yield chunk;
      })(),
    );
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThanOrEqual(FAULTS_MAX);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(200 * 2 ** 20);
  });
});

describe('XML that attacks its reader', () => {
  const faultsOf = async (xml: string) => (await readBank(camt053, xml)).faults;

  it('with a billion laughs', async () => {
    const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');
    const xml = `<?xml version="1.0"?><!DOCTYPE Document [<!ENTITY l0 "lol">${laughs}]><Document><BkToCstmrStmt><Stmt><Id>&l9;</Id></Stmt></BkToCstmrStmt></Document>`;
    expect(await faultsOf(xml)).toMatchObject([
      { kind: 'unreadable', row: 1, reason: expect.stringContaining('DOCTYPE') },
    ]);
  });

  it.each([
    ['an external DOCTYPE', '<!DOCTYPE Document SYSTEM "file:///etc/passwd"><Document/>'],
    ['a parameter entity', '<!DOCTYPE Document [<!ENTITY % x SYSTEM "http://127.0.0.1/">%x;]><Document/>'],
    ['an empty DOCTYPE', '<!DOCTYPE Document><Document><BkToCstmrStmt/></Document>'],
  ])('with %s', async (_name, xml) => {
    expect(await faultsOf(xml)).toMatchObject([{ reason: expect.stringContaining('DOCTYPE') }]);
  });

  it('with an entity that nobody declared', async () => {
    expect(
      await faultsOf('<Document><BkToCstmrStmt><Stmt><Id>&xxe;</Id></Stmt></BkToCstmrStmt></Document>'),
    ).toMatchObject([{ kind: 'unreadable', reason: expect.stringContaining('entity') }]);
  });

  it('with elements without end', async () => {
    expect(await faultsOf('<a>'.repeat(100_000))).toMatchObject([
      { reason: `elements are more than ${DEPTH_MAX} deep` },
    ]);
  });

  it.each([
    ['two roots', '<Document/><Document/>'],
    ['a NUL', '<Document>\u0000</Document>'],
    ['half a surrogate', '<Document>&#xD800;</Document>'],
    ['tags that cross', '<Document><a></Document></a>'],
  ])('with %s is named, and not read on', async (_name, xml) => {
    expect(await faultsOf(xml)).toMatchObject([{ kind: 'unreadable', row: 1 }]);
  });

  it('but long statements are no attack', async () => {
    const entry = `\n${' '.repeat(100)}<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt></Ntry>`;
    const balance = (code: string, amount: number) =>
      `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>`;
    const count = 4_000;
    const xml =
      `<Document><BkToCstmrStmt><Stmt><Id>1</Id><Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>${balance('OPBD', 0)}` +
      `${balance('CLBD', count)}${entry.repeat(count)}</Stmt></BkToCstmrStmt></Document>`;
    const { entries, faults } = await readBank(camt053, xml);
    expect(faults).toEqual([]);
    expect(new Set(entries.map(({ identity }) => identity)).size).toBe(count);
  });
});

describe('text that attacks its reader', () => {
  it.each([
    ['slashes', mt940, `:20:X\n:60F:C260302EUR0,\n:61:260302C0,NTRFX\n:86:/EREF/${'/'.repeat(65_000)}x\n`],
    ['blanks', mt940, `:20:X\n:60F:C260302EUR0,\n:61:260302C0,NTRFX\n:86:${' '.repeat(65_000)}x\n`],
    ['digits', mt940, `:20:X\n:60F:C260302EUR0,\n:61:260302C${'1'.repeat(65_000)}\n`],
    ['braces', mt940, `{1:${'{'.repeat(65_000)}\n`],
    ['carriage returns', mt940, `${`${'\r'.repeat(65_000)}x\n`.repeat(10)}`],
    ['slashes', bai2, `01,A,B,260302,0600,1,,,2/\n16,195,1,Z,,,${'/ '.repeat(30_000)}x\n`],
    ['half records', bai2, `01,A,B,260302,0600,1,,,2/\n16,195,1,Z,,,${'/01'.repeat(20_000)}x\n`],
    ['digits', csvStatement, `Date,Amount\n2026-03-02,${'1'.repeat(500_000)}\n`],
    ['signs', csvStatement, `Date,Amount\n2026-03-02,${'- '.repeat(250_000)}x\n`],
  ])('of %s is read in a moment by %o', async (_name, format, text) => {
    const begun = performance.now();
    const { entries, faults } = await readBank(format, text, { mapping });
    expect(entries.length + faults.length).toBeGreaterThan(0);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it.each([
    ['newlines', '\n'.repeat(65_536)],
    ['blanks', ' '.repeat(65_536)],
    ['tags', '<'.repeat(65_536)],
    ['braces', '{4:'.repeat(20_000)],
    ['letters', 'a'.repeat(65_536)],
  ])('of %s is not recognised slowly', (_name, head) => {
    const begun = performance.now();
    for (const format of bankFormats) format.recognises(head);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it('with faults without end tells a thousand, and how many more there are', async () => {
    const rows = Array.from({ length: 5_000 }, () => 'x,y').join('\n');
    const { faults } = await readBank(csvStatement, `Date,Amount\n${rows}`, { mapping });
    expect(faults).toHaveLength(FAULTS_MAX);
    expect(faults.at(-1)?.reason).toContain('9000 more are not listed');
  });

  it('with one row that cannot be read behind a thousand contradictions tells that row', async () => {
    const rows = Array.from({ length: 2_000 }, () => '2026-03-02,1,0')
      .toSpliced(1_500, 0, 'x,1,0')
      .join('\n');
    const { faults } = await readBank(csvStatement, `Date,Amount,Balance\n${rows}`, {
      mapping: { ...mapping, balance: { column: 'Balance' } },
    });
    expect(faults).toHaveLength(FAULTS_MAX);
    expect(faults.at(-1)).toMatchObject({ kind: 'unreadable', row: 1_502 });
  });

  it('never makes an identity that no index could hold', async () => {
    const long = 'R'.repeat(60_000);
    const { entries } = await readBank(
      mt940,
      `:20:X\n:25:A\n:28C:1\n:60F:C260302EUR0,\n:61:260302C0,NTRFX//${long}\n:62F:C260302EUR0,\n`,
    );
    expect(entries[0]?.identity.length).toBeLessThan(200);
    expect(entries[0]?.references.every((reference) => reference.length <= 140)).toBe(true);
  });
});
