import { TextDecoder } from 'node:util';

export type TextLine = {
  /** From 1. */
  readonly no: number;
  /** Null: longer than `LINE_BYTES_MAX`; it is the last that is told, for what is behind it cannot be found. */
  readonly text: string | null;
};

export const LINE_BYTES_MAX = 65_536;
const NEWLINE = 0x0a;

/**
 * The lines of a statement, without their ends, a group for each chunk. Each is read as UTF-8 where it is that, else as
 * Windows-1252: MT940 and BAI2 say nothing of their encoding, and one Latin-1 name must not be a fault. Control characters,
 * which banks send around messages and Postgres refuses, are left out.
 */
export async function* textLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<readonly TextLine[]> {
  let no = 0;
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of source) {
    const lines: TextLine[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const bytes = join(rest, chunk.subarray(from, end));
      rest = new Uint8Array();
      from = end + 1;
      no += 1;
      if (bytes.length > LINE_BYTES_MAX) {
        lines.push({ no, text: null });
        yield lines;
        return;
      }
      lines.push(...linesOf(bytes, no));
    }
    rest = join(rest, chunk.subarray(from));
    if (rest.length > LINE_BYTES_MAX) {
      lines.push({ no: no + 1, text: null });
      yield lines;
      return;
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield linesOf(rest, no + 1);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const windows1252 = new TextDecoder('windows-1252');
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** One, but for files with carriage returns alone: taken out as control characters they would join two lines into one. */
function linesOf(bytes: Uint8Array, no: number): TextLine[] {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    text = windows1252.decode(bytes);
  }
  if (no === 1 && text.startsWith('\ufeff')) text = text.slice(1);
  // Without an expression: one for the end of a text looks again from each of its signs.
  let end = text.length;
  while (text[end - 1] === '\r') end -= 1;
  return text
    .slice(0, end)
    .split('\r')
    .map((part) => ({ no, text: part.replace(CONTROL, '') }));
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}
