import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ReportContext, ReportItem, SettlementFormat } from '../../src/providers/settlement-format.ts';
import { itemsOf } from './report-items.ts';
import { samplesFolder } from './samples-folder.ts';

/** A report made for the tests, below test/fixtures/settlements. */
export const fixture = (...path: readonly string[]): string =>
  readFileSync(join(import.meta.dirname, '../fixtures/settlements', ...path), 'utf8');

const invariants = samplesFolder('settlements', 'expected_invariants.json');

/** What the samples' files must come to; null where the folder is not there. */
export const expectedInvariants: Readonly<Record<string, unknown>> | null = existsSync(invariants)
  ? (JSON.parse(readFileSync(invariants, 'utf8')) as Record<string, unknown>)
  : null;

export const sample = (...path: readonly string[]): string =>
  readFileSync(samplesFolder('settlements', ...path), 'utf8');

/** However the bytes are cut, whatever line ends they have and in whatever encoding they come, a report says the same. */
export async function expectSameHoweverCut(
  format: SettlementFormat,
  text: string,
  context: Partial<ReportContext> = {},
): Promise<void> {
  const plain = text.replace(/^\uFEFF/, '');
  const whole = await itemsOf(format, plain, context, 1_000_000);
  for (const chunk of [1, 7, 64, 4096]) expect(await itemsOf(format, plain, context, chunk)).toEqual(whole);
  expect(await itemsOf(format, `\uFEFF${plain}`, context, 3)).toEqual(whole);
  expect(await itemsOf(format, Buffer.from(`\uFEFF${plain}`, 'utf16le'), context, 5)).toEqual(whole);
  const crLf = await itemsOf(format, plain.replaceAll(/\r?\n/g, '\r\n'), context);
  expect(crLf).toEqual(whole);
  expect(await itemsOf(format, plain.trimEnd(), context)).toEqual(whole);
}

/** A workbook, an archive, a web page and nothing at all are refused in words, and nothing of them is read. */
export async function expectOthersRefused(format: SettlementFormat): Promise<void> {
  const refused = async (bytes: Buffer): Promise<string> => {
    const items = await itemsOf(format, bytes);
    expect(items.filter(({ type }) => type !== 'fault')).toEqual([]);
    return reasons(items);
  };
  expect(await refused(Buffer.from('504b0304140006000800', 'hex'))).toMatch(/XLSX.*fetch the report as CSV/);
  expect(await refused(Buffer.from('1f8b0800000000000003', 'hex'))).toMatch(/gzip/);
  expect(await refused(Buffer.from('<!doctype html><title>Sign in</title>'))).toMatch(/web page/);
  expect(await refused(Buffer.from('name,amount\nx,1\n'))).not.toBe('');
  expect(await refused(Buffer.alloc(0))).not.toBe('');
}

const reasons = (items: readonly ReportItem[]): string =>
  items.map((item) => (item.type === 'fault' ? `${item.field ?? ''} ${item.reason}` : '')).join('; ');
