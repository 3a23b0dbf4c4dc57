import type { TextLine } from './text-lines.ts';

/** What an MT940 file consists of, one after the other. */
export type Mt940Part =
  /** `:61:` with its continuation lines. */
  | { readonly kind: 'field'; readonly tag: string; readonly row: number; readonly lines: readonly string[] }
  /** The message's type, where its header tells it: 940, 941, 942. */
  | { readonly kind: 'type'; readonly type: string; readonly row: number }
  /** The end of a message. */
  | { readonly kind: 'end'; readonly row: number }
  /** A line that belongs to nothing. */
  | { readonly kind: 'stray'; readonly row: number; readonly text: string }
  | { readonly kind: 'too long'; readonly row: number };

/** Tags of MT940, MT941 and MT942; a text with `:12:11` in it, a time of day, begins no field. */
const TAG = /^:(2[015]|25P|28C?|34F|13D?|6[02][FM]|61|64|65|86|90[CD]|NS|20C):/;
const TYPE = /^:(94[0-2]):$|^(94[0-2]) ?\d\d$/;
const HEADER = /^0000 01[A-Z0-9]+$/;
const BLOCKS = /^(?:\{[1235]:(?:[^{}]|\{[^{}]*\})*\})*(?:\{4:)?/;
const BLOCK_TYPE = /\{2:[IO](94[0-2])/;
/** Somebody wrapped `-}` between the two. */
const END = /^(?:-|-?\}(?:\{[5S]:.*)?)$/;
/** Characters of one field; a message of SWIFT has 2,000, files of banks have more. */
const FIELD_MAX = 65_536;

type Open = { tag: string; row: number; lines: string[]; length: number };

/**
 * Fields of messages from lines. A hyphen alone ends a message, and is also a piece of a text that somebody wrapped there: which,
 * the next line tells.
 */
export async function* mt940Parts(groups: AsyncIterable<readonly TextLine[]>): AsyncGenerator<readonly Mt940Part[]> {
  const fields = createFields();
  for await (const lines of groups) {
    for (const { no, text } of lines) {
      if (text === null) {
        fields.end();
        yield [...fields.taken(), { kind: 'too long', row: no }];
        return;
      }
      fields.line(text, no);
    }
    yield fields.taken();
  }
  fields.end();
  yield fields.taken();
}

function createFields() {
  let parts: Mt940Part[] = [];
  /** The rows of a hyphen that may end the message, and of a colon alone, behind which a tag was wrapped. */
  const state = {
    open: null as Open | null,
    isClosed: false,
    hyphen: null as number | null,
    colon: null as number | null,
  };

  function endField(): void {
    if (state.open !== null) {
      const { tag, row, lines } = state.open;
      parts.push({ kind: 'field', tag, row, lines });
    }
    state.open = null;
  }

  function endMessage(row: number): void {
    endField();
    parts.push({ kind: 'end', row });
    state.isClosed = false;
    state.hyphen = null;
  }

  function isTag(text: string, row: number): boolean {
    const tag = TAG.exec(text)?.[1];
    if (tag === undefined) return false;
    if (state.hyphen !== null) endMessage(state.hyphen);
    endField();
    if (tag.startsWith('62')) state.isClosed = true;
    if (tag === '20') state.isClosed = false;
    state.open = { tag, row, lines: [text.slice(tag.length + 2)], length: text.length };
    return true;
  }

  function isHeader(text: string, row: number): boolean {
    const type = TYPE.exec(text) ?? BLOCK_TYPE.exec(text);
    const blocks = BLOCKS.exec(text)?.[0] ?? '';
    if (type === null && blocks === '' && !HEADER.test(text)) return false;
    if (state.hyphen !== null) endMessage(state.hyphen);
    else endField();
    const word = type?.[1] ?? type?.[2];
    if (word !== undefined) parts.push({ kind: 'type', type: word, row });
    const rest = blocks === '' ? '' : text.slice(blocks.length).trim();
    if (rest !== '' && !isTag(rest, row)) parts.push({ kind: 'stray', row, text: rest });
    return true;
  }

  function take(text: string, row: number): void {
    const trimmed = text.trim();
    if (trimmed === '' || isTag(text, row)) return;
    if (END.test(trimmed) && (trimmed !== '-' || state.open === null || state.isClosed)) endMessage(row);
    else if (trimmed === '-') state.hyphen = row;
    // Headers stand between messages; within a text, what looks like one is text.
    else if ((state.open === null || state.hyphen !== null || state.isClosed) && isHeader(trimmed, row)) return;
    else if (state.open === null || state.open.length + text.length > FIELD_MAX)
      parts.push({ kind: 'stray', row, text });
    else {
      if (state.hyphen !== null) state.open.lines.push('-');
      state.hyphen = null;
      state.open.lines.push(text);
      state.open.length += text.length + 1;
    }
  }

  function line(text: string, row: number): void {
    const { colon } = state;
    state.colon = null;
    if (colon !== null) take(`:${text}`, colon);
    else if (text === ':') state.colon = row;
    else take(text, row);
  }

  function end(): void {
    if (state.colon !== null) take(':', state.colon);
    if (state.hyphen !== null) endMessage(state.hyphen);
    endField();
  }

  function taken(): Mt940Part[] {
    const all = parts;
    parts = [];
    return all;
  }

  return { line, end, taken };
}
