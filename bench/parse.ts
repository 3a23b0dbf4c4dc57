import { parse } from 'csv-parse';
import { csvRows } from '../src/csv-rows.ts';
import { settlementDetails } from '../src/providers/adyen/settlement-details.ts';
import type { SettlementFormat } from '../src/providers/settlement-format.ts';
import { payoutReconciliation } from '../src/providers/stripe/settlement-reports.ts';
import { median } from './ratios.ts';
import { adyenReport, stripeReport } from './report-files.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

const ROWS = 300_000;
const PIECE_BYTES = 64 * 1024;

/**
 * How fast settlement reports are read: to canonical lines, to cells alone, and to cells by csv-parse. Bytes are in memory, so
 * that no disk is measured.
 */
export async function parsing(_: Stand, effort: Effort, tell: (line: string) => void): Promise<Figures> {
  const figures: Figures = {};
  const reports: [name: string, format: SettlementFormat, bytes: Buffer][] = [
    ['stripe', payoutReconciliation, stripeReport(ROWS)],
    ['adyen', settlementDetails, adyenReport(ROWS)],
  ];
  for (const [name, format, bytes] of reports) {
    const rates: Record<'lines' | 'cells' | 'other', number[]> = { lines: [], cells: [], other: [] };
    for (let run = 0; run < Math.min(3, effort.pairs); run += 1) {
      rates.lines.push(await rate(() => readLines(format, bytes)));
      rates.cells.push(await rate(() => readCells(bytes)));
      rates.other.push(await rate(() => readByCsvParse(bytes)));
    }
    const [lines, cells, other] = [median(rates.lines), median(rates.cells), median(rates.other)];
    tell(
      `parse, ${name} (${Math.round(bytes.length / ROWS)} bytes a row): ${lines.toFixed(0)} rows/s to lines, ` +
        `${cells.toFixed(0)} to cells, csv-parse ${other.toFixed(0)} to cells`,
    );
    figures[`parse_rows_per_s_${name}`] = lines;
    figures[`parse_cells_per_s_${name}`] = cells;
    figures[`csv_parse_rows_per_s_${name}`] = other;
  }
  return figures;
}

async function rate(work: () => Promise<number>): Promise<number> {
  const before = process.hrtime.bigint();
  const rows = await work();
  return rows / (Number(process.hrtime.bigint() - before) / 1e9);
}

async function readLines(format: SettlementFormat, bytes: Buffer): Promise<number> {
  let rows = 0;
  const context = { account: 'main', settings: {}, mode: format.mode, zone: 'UTC', fileName: null };
  for await (const items of format.read(pieces(bytes), context))
    for (const item of items) {
      if (item.type === 'fault') throw new Error(`row ${item.row}: ${item.reason}`);
      if (item.type === 'line') rows += 1;
    }
  return rows;
}

async function readCells(bytes: Buffer): Promise<number> {
  let rows = 0;
  for await (const group of csvRows(pieces(bytes))) rows += group.rows.length;
  return rows;
}

async function readByCsvParse(bytes: Buffer): Promise<number> {
  const parser = parse();
  let rows = 0;
  parser.on('readable', () => {
    while (parser.read() !== null) rows += 1;
  });
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('end', resolve);
    parser.on('error', reject);
  });
  for await (const piece of pieces(bytes)) parser.write(piece);
  parser.end();
  await ended;
  return rows;
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}
