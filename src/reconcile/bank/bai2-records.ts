import type { TextLine } from './text-lines.ts';

/** A record with its continuations (88). */
export type Bai2Record = {
  readonly code: Bai2Code;
  /** The line it begins on. */
  readonly row: number;
  /** Behind the code, without the slash at the end: its own content and that of each continuation, in which a text goes on. */
  readonly parts: readonly string[];
  /** How many records it is, continuations counted: what the trailers count. */
  readonly count: number;
  /** Whether a slash ended it, or only the line. */
  readonly isTerminated: boolean;
};

export type Bai2Part =
  | ({ readonly kind: 'record' } & Bai2Record)
  | { readonly kind: 'stray'; readonly row: number; readonly text: string }
  | { readonly kind: 'too long'; readonly row: number };

export type Bai2Code = '01' | '02' | '03' | '16' | '49' | '98' | '99';

const CODES: readonly string[] = ['01', '02', '03', '16', '49', '98', '99'] satisfies Bai2Code[];
// Some banks write several records on a line. A text may contain "/16," as well, so what follows must look like its record; a
// record that was cut out of a text by mistake makes the counts of the trailers disagree.
const NEXT_RECORD =
  /\/[ \t]*(?=01,[^,]*,[^,]*,\d{6},|02,[^,]*,[^,]*,\d?,|03,[^,]*,(?:[A-Z]{3})?,|16,\d{3},|88,|49,[+-]?\d*,\d+[/ ]|98,[+-]?\d*,\d+,\d+[/ ]|99,[+-]?\d*,\d+,\d+[/ ]?)/;
const BEGINS = /^\s*(\d\d)[,:]/;
/** Characters of one record with its continuations. */
const RECORD_MAX = 131_072;

type Open = { code: Bai2Code; row: number; parts: string[]; count: number; isTerminated: boolean; length: number };

/** Records from lines. */
export async function* bai2Records(groups: AsyncIterable<readonly TextLine[]>): AsyncGenerator<readonly Bai2Part[]> {
  let open: Open | null = null;
  let parts: Bai2Part[] = [];

  function endRecord(): void {
    if (open !== null) {
      const { length: _, ...record } = open;
      parts.push({ kind: 'record', ...record });
    }
    open = null;
  }

  function take(piece: string, row: number): void {
    const code = BEGINS.exec(piece)?.[1];
    const content = piece.trimEnd();
    const isTerminated = content.endsWith('/');
    const body = (isTerminated ? content.slice(0, -1) : content).trimStart().slice(3);
    if (code !== undefined && CODES.includes(code)) {
      endRecord();
      // It was found in the list of them.
      open = { code: code as Bai2Code, row, parts: [body], count: 1, isTerminated, length: body.length };
      return;
    }
    const before: Open | null = open;
    if (before !== null && before.length + content.length > RECORD_MAX) {
      parts.push({ kind: 'stray', row, text: piece });
      return;
    }
    if (before !== null) before.length += content.length + 1;
    if (code === '88' && before !== null) {
      before.parts.push(body);
      before.count += 1;
      before.isTerminated = isTerminated;
    } else if (code !== '88' && before !== null && before.code === '16' && !before.isTerminated) {
      // A text that was wrapped without a record for it.
      before.parts.push(
        `${before.parts.pop() ?? ''} ${isTerminated ? content.slice(0, -1) : content}`.slice(0, TEXT_MAX),
      );
      before.isTerminated = isTerminated;
    } else parts.push({ kind: 'stray', row, text: piece });
  }

  for await (const lines of groups) {
    for (const { no, text } of lines) {
      if (text === null) {
        endRecord();
        yield [...parts, { kind: 'too long', row: no }];
        return;
      }
      if (text.trim() === '') continue;
      const pieces = text.split(NEXT_RECORD);
      pieces.forEach((piece, n) => {
        take(n < pieces.length - 1 ? `${piece}/` : piece, no);
      });
    }
    yield parts;
    parts = [];
  }
  endRecord();
  yield parts;
}

const TEXT_MAX = 65_536;

/** Fields of a record, one after the other, over its continuations. */
export function createBai2Fields(parts: readonly string[]) {
  let part = 0;
  let at = 0;

  /** The next field; null behind the last. */
  function next(): string | null {
    const text = parts[part];
    if (text === undefined) return null;
    const comma = text.indexOf(',', at);
    const field = comma === -1 ? text.slice(at) : text.slice(at, comma);
    if (comma === -1) {
      part += 1;
      at = 0;
    } else at = comma + 1;
    return field.trim();
  }

  /** What is left: a text may have commas and slashes, and goes on in continuations. */
  function rest(): string[] {
    const left = parts.slice(part);
    if (left.length > 0) left[0] = (left[0] ?? '').slice(at);
    part = parts.length;
    return left;
  }

  return { next, rest };
}
