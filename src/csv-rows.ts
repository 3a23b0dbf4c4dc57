import { type CsvFault, type CsvScanner, createCsvScanner } from './csv-scanner.ts';
import { notTextReason } from './not-text.ts';
import { createUtf8 } from './utf8-stream.ts';

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

export type CsvGroup = {
  readonly rows: readonly CsvRow[];
  readonly faults: readonly CsvFault[];
  /** Its last row is the file's, and has no line end: it may be cut off. */
  readonly isOpenEnded: boolean;
};

export type CsvOptions = {
  /** One ASCII character: `,` unless told. */
  readonly separator?: string;
  /** Where the file has no byte order mark. */
  readonly encoding?: 'utf-8' | 'windows-1252';
  /** How long a row may be, in bytes. */
  readonly rowMax?: number;
  readonly columnsMax?: number;
};

/** The rows of a block, whose cells become texts when they are asked for. Gone with the next block. */
export type CsvBlock = Pick<CsvScanner, 'line' | 'width' | 'cell' | 'raw'> & {
  readonly count: number;
  readonly faults: readonly CsvFault[];
  /** Its last row is the file's, and has no line end: it may be cut off. */
  readonly isOpenEnded: boolean;
};

const ROW_MAX = 1024 * 1024;
const COLUMNS_MAX = 2_000;
/** Smaller pieces are put together first: a row would be looked at anew with every piece. */
const BLOCK_BYTES = 64 * 1024;

/**
 * Blank lines are left out, and counted as lines. After a row that cannot be read the next one is; a row that is too long (a
 * quote that is never closed) ends the reading, as its end is anybody's guess. Throws only what `source` throws.
 */
export async function* csvRows(
  source: AsyncIterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<CsvGroup, void, undefined> {
  for await (const block of csvBlocks(source, options)) {
    const rows: CsvRow[] = [];
    for (let n = 0; n < block.count; n += 1) rows.push(csvRow(block, n));
    yield { rows, faults: block.faults, isOpenEnded: block.isOpenEnded };
  }
}

/** As `csvRows`, without making a text of what nobody asks for: for reports of millions of rows. */
export async function* csvBlocks(
  source: AsyncIterable<Uint8Array>,
  { separator = ',', rowMax = ROW_MAX, columnsMax = COLUMNS_MAX, encoding = 'utf-8' }: CsvOptions = {},
): AsyncGenerator<CsvBlock, void, undefined> {
  const scanner = createCsvScanner({ separator, rowMax, columnsMax });
  const { line, width, cell, raw } = scanner;
  const taken = (): CsvBlock => ({
    ...{ count: scanner.count(), faults: scanner.faults(), isOpenEnded: scanner.isOpenEnded() },
    ...{ line, width, cell, raw },
  });
  let utf8: ReturnType<typeof createUtf8> | undefined;
  for await (const bytes of blocks(source)) {
    if (utf8 === undefined) {
      const reason = notTextReason(bytes);
      if (reason !== null) {
        yield { ...taken(), faults: [{ row: null, value: null, reason: `The file ${reason}` }] };
        return;
      }
      utf8 = createUtf8(bytes, encoding);
    }
    scanner.take(utf8.push(bytes), false);
    const block = taken();
    if (block.count > 0 || block.faults.length > 0) yield block;
    if (scanner.isOver()) return;
  }
  if (utf8 === undefined) return;
  scanner.take(utf8.end(), true);
  const block = taken();
  if (block.count > 0 || block.faults.length > 0) yield block;
}

/** Row `n` of a block with all of its texts. */
export function csvRow(block: CsvBlock, n: number): CsvRow {
  const cells: string[] = [];
  const width = block.width(n);
  for (let column = 0; column < width; column += 1) cells.push(block.cell(n, column));
  return { row: block.line(n), raw: block.raw(n), cells };
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
