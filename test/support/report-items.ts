import { expect } from 'vitest';
import type {
  ReportContext,
  ReportFault,
  ReportItem,
  ReportLine,
  SettlementFormat,
  StatedBatch,
} from '../../src/providers/settlement-format.ts';
import { lineFault } from '../../src/settlement-line.ts';

/** What a format reads in `text`, handed over in pieces of `chunk` bytes. */
export async function itemsOf(
  format: SettlementFormat,
  text: string | Buffer,
  context: Partial<ReportContext> = {},
  chunk = 1_000,
): Promise<ReportItem[]> {
  const bytes = Buffer.from(text);
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += chunk) yield Buffer.from(bytes.subarray(at, at + chunk));
  }
  const whole = { account: 'main', settings: {}, mode: format.mode, zone: 'UTC', fileName: null, ...context };
  const items: ReportItem[] = [];
  for await (const group of format.read(pieces(), whole)) items.push(...group);
  for (const { line } of linesOf(items)) expect(lineFault(line)).toBeNull();
  return items;
}

export const linesOf = (items: readonly ReportItem[]): ReportLine[] =>
  items.flatMap((item) => (item.type === 'line' ? [item] : []));

export const faultsOf = (items: readonly ReportItem[]): ReportFault[] =>
  items.flatMap((item) => (item.type === 'fault' ? [item] : []));

export const batchesOf = (items: readonly ReportItem[]): StatedBatch[] =>
  items.flatMap((item) => (item.type === 'batch' ? [item] : []));

/** As the import proves it: opening + what every line but payouts comes to + payouts − closing, which is 0 where it closes. */
export function differenceOf(items: readonly ReportItem[], batch: string, currency: string): bigint {
  const stated = batchesOf(items).find((one) => one.batch === batch && one.currency === currency);
  const net = linesOf(items)
    .map(({ line }) => line)
    .filter((line) => line.batch === batch && line.currency === currency)
    .reduce((sum, line) => sum + line.net, 0n);
  return (stated?.opening ?? 0n) + net - (stated?.closing ?? 0n);
}
