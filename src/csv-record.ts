/**
 * One record of CSV (RFC 4180) out of a text: the one place that knows about quotes. A quote that stands inside a field which
 * did not begin with one is an ordinary character: processors write `5" plate` into descriptions.
 */
export type CsvRecord =
  | {
      readonly kind: 'record';
      readonly cells: string[];
      /** Where the record's text ends, and where the next one begins. */
      readonly end: number;
      readonly next: number;
      /** Line ends inside it, so that rows keep the number of the line they begin on. */
      readonly lines: number;
    }
  /** The text ends before the record does. */
  | { readonly kind: 'open'; readonly quoted: boolean }
  /** Something stands between a closing quote and the next separator. */
  | { readonly kind: 'fault'; readonly end: number; readonly next: number };

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

/** The record that begins at `start`. `isLast`: nothing follows the text, so that its end is the record's end too. */
export function csvRecord(text: string, start: number, separator: number, isLast: boolean): CsvRecord {
  const cells: string[] = [];
  let lines = 0;
  let at = start;
  for (;;) {
    if (text.charCodeAt(at) === QUOTE) {
      const closing = closingQuote(text, at + 1);
      if (closing === null) return { kind: 'open', quoted: true };
      // The last character may be the first half of a doubled quote.
      if (closing + 1 === text.length && !isLast) return { kind: 'open', quoted: true };
      const cell = text.slice(at + 1, closing);
      lines += lineEnds(cell);
      cells.push(cell.includes('"') ? cell.replaceAll('""', '"') : cell);
      at = closing + 1;
      const after = text.charCodeAt(at);
      if (at < text.length && after !== separator && after !== LF && after !== CR) return afterFault(text, at, isLast);
    } else {
      const from = at;
      at = unquotedEnd(text, at, separator);
      cells.push(text.slice(from, at));
    }
    if (at >= text.length) return isLast ? { kind: 'record', cells, end: at, next: at, lines } : OPEN;
    if (text.charCodeAt(at) !== separator) return endOf(text, cells, at, lines, isLast);
    at += 1;
  }
}

const OPEN: CsvRecord = { kind: 'open', quoted: false };

/** At a line end: CR LF, LF or CR. A CR at the text's end may be the half of a CR LF. */
function endOf(text: string, cells: string[], at: number, lines: number, isLast: boolean): CsvRecord {
  const isCr = text.charCodeAt(at) === CR;
  if (isCr && at + 1 >= text.length && !isLast) return OPEN;
  const next = isCr && text.charCodeAt(at + 1) === LF ? at + 2 : at + 1;
  return { kind: 'record', cells, end: at, next, lines: lines + 1 };
}

/** Reading goes on after the line, so that a file's other faults are told too. */
function afterFault(text: string, from: number, isLast: boolean): CsvRecord {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== LF && text.charCodeAt(at) !== CR) at += 1;
  if (at >= text.length) return isLast ? { kind: 'fault', end: at, next: at } : OPEN;
  const ended = endOf(text, [], at, 0, isLast);
  return ended.kind === 'record' ? { kind: 'fault', end: at, next: ended.next } : ended;
}

function closingQuote(text: string, from: number): number | null {
  let at = text.indexOf('"', from);
  while (at >= 0 && text.charCodeAt(at + 1) === QUOTE) at = text.indexOf('"', at + 2);
  return at < 0 ? null : at;
}

function unquotedEnd(text: string, from: number, separator: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === separator || code === LF || code === CR) break;
    at += 1;
  }
  return at;
}

/** How many lines a text ends: CR LF is one. */
export function lineEnds(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === LF || (code === CR && text.charCodeAt(at + 1) !== LF)) count += 1;
  }
  return count;
}
