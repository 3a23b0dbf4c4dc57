import { isAscii } from 'node:buffer';

/**
 * The one place that knows how CSV is written (RFC 4180). It looks at bytes and keeps where cells begin and end; a text is made
 * of a cell only where somebody asks for it. That is twice as fast as splitting lines, and ten times as making every text.
 *
 * A quote inside a field that began without one is an ordinary character: processors write `5" plate` into descriptions.
 */
export type CsvScanner = {
  /** Scans what was left over and `added`. What was scanned before is gone. */
  take(added: Buffer, isLast: boolean): void;
  /** Rows of this block. */
  count(): number;
  faults(): readonly CsvFault[];
  /** Nothing of the file can be read any more: a row had no end. */
  isOver(): boolean;
  /** The line of the file that row `n` of the block begins on, from 1. */
  line(n: number): number;
  width(n: number): number;
  /** Empty where the row has no such column. */
  cell(n: number, column: number): string;
  /** The row as it stood, without its line end. */
  raw(n: number): string;
  /** The block's last row is the file's, and has no line end: it may be cut off. */
  isOpenEnded(): boolean;
};

export type CsvFault = {
  readonly row: number | null;
  /** How it begins. */
  readonly value: string | null;
  readonly reason: string;
};

export type CsvLimits = { readonly separator: string; readonly rowMax: number; readonly columnsMax: number };

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const SHOWN_MAX = 200;
const NOTHING = Buffer.alloc(0);

/** `rowMax` is in bytes. Bytes are UTF-8 without a byte order mark. */
export function createCsvScanner({ separator, rowMax, columnsMax }: CsvLimits): CsvScanner {
  const sep = separator.charCodeAt(0);
  let bytes: Buffer = NOTHING;
  /** The block as one text, where each byte is a character of it; else cells are decoded one by one. */
  let text: string | null = '';
  let rest: Buffer = NOTHING;
  let faults: CsvFault[] = [];
  let over = false;
  let openEnded = false;
  let line = 1;
  // Of cells: an end is complemented where the cell has doubled quotes.
  let starts = new Int32Array(8_192);
  let ends = new Int32Array(8_192);
  let used = 0;
  // Of rows.
  let firsts = new Int32Array(512);
  let widths = new Int32Array(512);
  let froms = new Int32Array(512);
  let tos = new Int32Array(512);
  let lines = new Int32Array(512);
  let count = 0;
  // Of the record that was scanned last.
  let end = 0;
  let next = 0;
  let inside = 0;
  let cells = 0;

  /** Scans the record that begins at `from`; its cells stand behind those used. */
  function scan(from: number, isLast: boolean): 'record' | 'open' | 'fault' {
    const b = bytes;
    const size = b.length;
    let at = from;
    let k = used;
    let ended = 0;
    for (;;) {
      if (k === starts.length) {
        starts = grown(starts);
        ends = grown(ends);
      }
      if (at < size && b[at] === QUOTE) {
        let q = at + 1;
        let doubled = false;
        for (;;) {
          while (q < size && b[q] !== QUOTE) {
            if (b[q] === LF || (b[q] === CR && b[q + 1] !== LF)) ended += 1;
            q += 1;
          }
          // The last character may be the first half of a doubled quote.
          if (q >= size || (q + 1 === size && !isLast)) return 'open';
          if (b[q + 1] !== QUOTE) break;
          doubled = true;
          q += 2;
        }
        starts[k] = at + 1;
        ends[k] = doubled ? ~q : q;
        at = q + 1;
        if (at < size && b[at] !== sep && b[at] !== LF && b[at] !== CR) return skip(from, at, isLast);
      } else {
        starts[k] = at;
        while (at < size) {
          const byte = b[at];
          if (byte === sep || byte === LF || byte === CR) break;
          at += 1;
        }
        ends[k] = at;
      }
      k += 1;
      if (at < size && b[at] === sep) {
        at += 1;
        continue;
      }
      if (!lineEnd(at, isLast)) return 'open';
      inside = ended + (next > at ? 1 : 0);
      cells = k - used;
      return 'record';
    }
  }

  /** At CR LF, LF, CR or the end. False: whether it is one, only the next block tells. */
  function lineEnd(at: number, isLast: boolean): boolean {
    const size = bytes.length;
    if (at + 1 >= size && !isLast && bytes[at] !== LF) return false;
    end = at;
    next = at >= size ? at : bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : at + 1;
    return true;
  }

  /** Something stands behind a closing quote: reading goes on after the line, so that the file's other faults are told too. */
  function skip(from: number, behind: number, isLast: boolean): 'open' | 'fault' {
    let at = behind;
    while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at += 1;
    if (!lineEnd(at, isLast)) return 'open';
    inside = 0;
    for (let n = from; n < next; n += 1) if (bytes[n] === LF || (bytes[n] === CR && bytes[n + 1] !== LF)) inside += 1;
    return 'fault';
  }

  function decode(from: number, to: number): string {
    return text === null ? bytes.toString('utf8', from, to) : text.slice(from, to);
  }

  function fault(from: number, to: number, reason: string): void {
    faults.push({ row: line, value: decode(from, Math.min(to, from + 4 * SHOWN_MAX)).slice(0, SHOWN_MAX), reason });
  }

  function keep(from: number): void {
    if (count === firsts.length) {
      firsts = grown(firsts);
      widths = grown(widths);
      froms = grown(froms);
      tos = grown(tos);
      lines = grown(lines);
    }
    firsts[count] = used;
    widths[count] = cells;
    froms[count] = from;
    tos[count] = end;
    lines[count] = line;
    openEnded = next === end;
    used += cells;
    count += 1;
  }

  return {
    take(added, isLast) {
      bytes = rest.length === 0 ? added : Buffer.concat([rest, added]);
      text = isAscii(bytes) ? bytes.toString('latin1') : null;
      faults = [];
      used = 0;
      count = 0;
      openEnded = false;
      const hasNul = bytes.includes(0);
      let at = 0;
      while (at < bytes.length) {
        const found = scan(at, isLast);
        // Less one: the last character may be a CR, which is no longer the row's.
        const length = found === 'open' ? bytes.length - 1 - at : end - at;
        if (length > rowMax) {
          fault(
            at,
            at + rowMax,
            `is longer than ${rowMax} bytes: a quote before it is not closed, or this is no CSV file`,
          );
          over = true;
          break;
        }
        if (found === 'open') {
          if (isLast) fault(at, bytes.length, UNCLOSED);
          break;
        }
        if (found === 'fault') fault(at, end, 'has text between a closing quote and the next separator');
        else if (cells > columnsMax) fault(at, end, `has ${cells} columns: at most ${columnsMax} are read`);
        else if (hasNul && bytes.subarray(at, end).includes(0))
          fault(at, end, 'contains a NUL character: this is no text file');
        else if (end > at) keep(at);
        line += inside;
        at = next;
      }
      rest = over || isLast ? NOTHING : bytes.subarray(at);
    },
    count: () => count,
    faults: () => faults,
    isOver: () => over,
    line: (n) => lines[n] ?? 0,
    width: (n) => widths[n] ?? 0,
    cell(n, column) {
      if (column < 0 || column >= (widths[n] ?? 0)) return '';
      const k = (firsts[n] ?? 0) + column;
      const from = starts[k] ?? 0;
      const to = ends[k] ?? 0;
      if (to < 0) return decode(from, ~to).replaceAll('""', '"');
      return from === to ? '' : decode(from, to);
    },
    raw: (n) => decode(froms[n] ?? 0, tos[n] ?? 0),
    isOpenEnded: () => openEnded,
  };
}

const UNCLOSED = 'has a quote that is never closed: the file is cut off, or the quote should be doubled';

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
