import { csvRecord, lineEnds } from './csv-record.ts';
import { notTextReason } from './not-text.ts';
import { createTextDecoding } from './text-decoding.ts';

/**
 * CSV as a stream (RFC 4180, with CR LF, LF or CR, with or without a last line end and byte order mark): bytes in pieces of any
 * size in, groups of rows out. How the bytes were cut never changes what comes out. docs/adr/0008-csv-reader.md says why this is
 * ours.
 *
 * `raw` and longer cells are slices of a block's text: what is kept beyond its group should be copied (`detached`), or
 * a few characters keep the whole block in memory.
 */
export type CsvRow = {
  /** The line of the file it begins on, from 1. */
  readonly row: number;
  /** As it stood, without its line end. */
  readonly raw: string;
  readonly cells: readonly string[];
};

export type CsvFault = {
  readonly row: number | null;
  /** How it begins. */
  readonly value: string | null;
  readonly reason: string;
};

export type CsvGroup = { readonly rows: readonly CsvRow[]; readonly faults: readonly CsvFault[] };

export type CsvOptions = {
  /** One character: `,` unless told. */
  readonly separator?: string;
  /** Where the file has no byte order mark. */
  readonly encoding?: 'utf-8' | 'windows-1252';
  /** How long a row may be, in characters. */
  readonly rowMax?: number;
  readonly columnsMax?: number;
};

const ROW_MAX = 1024 * 1024;
const COLUMNS_MAX = 2_000;
/** Smaller pieces are put together first: a row would be looked at anew with every piece. */
const BLOCK_BYTES = 64 * 1024;
const SHOWN_MAX = 200;

/**
 * Blank lines are left out, and counted as lines. After a row that cannot be read the next one is; a row that is too long (a
 * quote that is never closed) ends the reading, as its end is anybody's guess. Throws only what `source` throws.
 */
export async function* csvRows(
  source: AsyncIterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<CsvGroup, void, undefined> {
  const scanner = createScanner(options);
  let decoding: ReturnType<typeof createTextDecoding> | undefined;
  for await (const block of blocks(source)) {
    if (decoding === undefined) {
      const reason = notTextReason(block);
      if (reason !== null) {
        yield { rows: [], faults: [{ row: null, value: null, reason: `The file ${reason}` }] };
        return;
      }
      decoding = createTextDecoding(block, options.encoding);
    }
    const group = scanner.take(decoding.push(block), false);
    if (group.rows.length > 0 || group.faults.length > 0) yield group;
    if (scanner.isOver()) return;
  }
  const group = scanner.take(decoding?.end() ?? '', true);
  if (group.rows.length > 0 || group.faults.length > 0) yield group;
}

/** A copy that stands by itself, of a text that is to be kept for longer than its group. */
export function detached(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

async function* blocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let waiting: Uint8Array[] = [];
  let length = 0;
  for await (const piece of source) {
    if (piece.length === 0) continue;
    waiting.push(piece);
    length += piece.length;
    if (length < BLOCK_BYTES) continue;
    yield joined(waiting);
    waiting = [];
    length = 0;
  }
  if (length > 0) yield joined(waiting);
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined
    ? Buffer.from(only.buffer, only.byteOffset, only.byteLength)
    : Buffer.concat(pieces);
}

type Scanner = { take(text: string, isLast: boolean): CsvGroup; isOver(): boolean };

function createScanner({
  separator = ',',
  rowMax = ROW_MAX,
  columnsMax = COLUMNS_MAX,
}: Pick<CsvOptions, 'separator' | 'rowMax' | 'columnsMax'>): Scanner {
  const code = separator.charCodeAt(0);
  const quotedSeparator = `"${separator}"`;
  let rest = '';
  let row = 1;
  let over = false;

  /** Most rows have no quote, or each cell has its own: those are split by the machine's own code, several times as fast. */
  function simpleCells(line: string, isQuoted: boolean): string[] | null {
    if (!isQuoted) return line.split(separator);
    if (line.length < 2 || !line.startsWith('"') || !line.endsWith('"')) return null;
    const cells = line.slice(1, -1).split(quotedSeparator);
    for (const cell of cells) if (cell.includes('"')) return null;
    return cells;
  }

  function take(added: string, isLast: boolean): CsvGroup {
    const rows: CsvRow[] = [];
    const faults: CsvFault[] = [];
    const text = rest === '' ? added : rest + added;
    const fault = (value: string, reason: string): void => {
      faults.push({ row, value: value.slice(0, SHOWN_MAX), reason });
    };
    const keep = (raw: string, cells: string[]): void => {
      if (raw === '') return;
      if (cells.length > columnsMax) fault(raw, `has ${cells.length} columns: at most ${columnsMax} are read`);
      else if (hasNul && raw.includes('\0')) fault(raw, 'contains a NUL character: this is no text file');
      else rows.push({ row, raw, cells });
    };
    let at = 0;
    const hasNul = text.includes('\0');
    let quote = ahead(text, '"', 0);
    let cr = ahead(text, '\r', 0);
    while (at < text.length) {
      const lf = text.indexOf('\n', at);
      if (quote < at) quote = ahead(text, '"', at);
      if (cr < at) cr = ahead(text, '\r', at);
      // Up to here it is one line, if no CR stands alone in it.
      const end = cr === lf - 1 ? cr : lf;
      if (lf >= 0 && cr >= end && lf - at <= rowMax) {
        const line = text.slice(at, end);
        const cells = simpleCells(line, quote < end);
        if (cells !== null) {
          keep(line, cells);
          at = lf + 1;
          row += 1;
          continue;
        }
      }
      const record = csvRecord(text, at, code, isLast);
      // Less one: the last character may be a CR, which is no longer the row's.
      const length = (record.kind === 'open' ? text.length - 1 : record.end) - at;
      if (length > rowMax) {
        fault(text.slice(at, at + rowMax), TOO_LONG(rowMax));
        over = true;
        break;
      }
      if (record.kind === 'open') {
        if (isLast) {
          fault(text.slice(at), UNCLOSED);
          at = text.length;
        }
        break;
      }
      const raw = text.slice(at, record.end);
      if (record.kind === 'record') keep(raw, record.cells);
      else fault(raw, 'has text between a closing quote and the next separator');
      row += record.kind === 'record' ? record.lines : lineEnds(text.slice(at, record.next));
      at = record.next;
    }
    rest = over ? '' : text.slice(at);
    return { rows, faults };
  }

  return { take, isOver: () => over };
}

const UNCLOSED = 'has a quote that is never closed: the file is cut off, or the quote should be doubled';
const TOO_LONG = (max: number): string =>
  `is longer than ${max} characters: a quote before it is not closed, or this is no CSV file`;

/** Where a character is next; beyond the text where it is not. */
function ahead(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from);
  return at < 0 ? text.length : at;
}
