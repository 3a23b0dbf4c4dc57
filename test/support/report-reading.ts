import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  ReportContext,
  ReportFault,
  ReportItem,
  ReportLine,
  SettlementFormat,
  StatedBatch,
} from '../../src/providers/settlement-format.ts';
import type { PeriodBalance } from '../../src/settlement-line.ts';

export type ReadReport = {
  readonly lines: ReportLine[];
  readonly batches: StatedBatch[];
  readonly balances: PeriodBalance[];
  readonly faults: ReportFault[];
};

/** All that a report says; `sizes`: in pieces of how many bytes it is handed over, again and again. */
export async function readReport(
  format: SettlementFormat,
  bytes: Uint8Array | string,
  context: Partial<ReportContext> = {},
  sizes: readonly number[] = [],
): Promise<ReadReport> {
  const read: ReadReport = { lines: [], batches: [], balances: [], faults: [] };
  const whole = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  const full = { account: 'main', settings: {}, mode: format.mode, zone: 'UTC', fileName: null, ...context };
  for await (const items of format.read(pieces(whole, sizes), full)) for (const item of items) sort(read, item);
  return read;
}

function sort(read: ReadReport, item: ReportItem): void {
  if (item.type === 'line') read.lines.push(item);
  else if (item.type === 'batch') read.batches.push(item);
  else if (item.type === 'fault') read.faults.push(item);
  else read.balances.push(item);
}

async function* pieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** A report made for the tests, in its provider's layout. */
export function reportFixture(provider: string, name: string): string {
  return readFileSync(join(import.meta.dirname, '../fixtures/settlements', provider, name), 'utf8');
}

/** The sum of the lines' nets by a key. */
export function netBy(lines: readonly ReportLine[], keyOf: (line: ReportLine) => string): Record<string, bigint> {
  const sums: Record<string, bigint> = {};
  for (const line of lines) sums[keyOf(line)] = (sums[keyOf(line)] ?? 0n) + line.line.net;
  return sums;
}
