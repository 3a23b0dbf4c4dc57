/**
 * Bytes in pieces of any size become text in pieces that can be read by themselves: no character is ever cut. UTF-8 unless a
 * byte order mark says UTF-16, which processors' old exports and spreadsheets write. Bytes that are not valid become U+FFFD: a
 * garbled name must not keep a report's money out of the books.
 */
export type TextDecoding = {
  push(bytes: Buffer): string;
  /** What was held back for its second half. */
  end(): string;
};

const CONTINUATION_MAX = 3;

/** `head`: the first bytes of the file, as many as there are up to three. `encoding` where there is no byte order mark. */
export function createTextDecoding(head: Uint8Array, encoding: 'utf-8' | 'windows-1252' = 'utf-8'): TextDecoding {
  const marked = encodingOfMark(head);
  const chosen = marked ?? encoding;
  if (chosen !== 'utf-8') {
    const decoder = new TextDecoder(chosen);
    return { push: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
  }
  let held = Buffer.alloc(0);
  let skip = marked === 'utf-8' ? 3 : 0;
  return {
    // TextDecoder with `stream` takes five times as long for text that is nearly always ASCII.
    push(bytes) {
      const whole = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      const end = whole.length - incompleteTail(whole);
      const from = Math.min(skip, end);
      skip -= from;
      held = Buffer.from(whole.subarray(end));
      return whole.toString('utf8', from, end);
    },
    end() {
      const rest = held.toString('utf8');
      held = Buffer.alloc(0);
      return rest;
    },
  };
}

function encodingOfMark(head: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 'utf-8' : null;
}

/** How many bytes at the end begin a character that is not complete yet. */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(CONTINUATION_MAX, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < lengthOf(byte) ? back : 0;
  }
  return 0;
}

function lengthOf(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}
