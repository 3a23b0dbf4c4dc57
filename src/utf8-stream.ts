/**
 * Bytes of a text file as UTF-8 without a byte order mark, whatever it says it is: UTF-8, or UTF-16 by its mark (old exports of
 * processors, spreadsheets), or what the caller knows. What is no character becomes U+FFFD when it is decoded: a garbled name must
 * not keep a report's money out of the books.
 */
export type Utf8 = {
  push(bytes: Buffer): Buffer;
  /** What was held back for its second half. */
  end(): Buffer;
};

/** `head`: how the file begins, at least three bytes where it has them. */
export function createUtf8(head: Uint8Array, encoding: 'utf-8' | 'windows-1252'): Utf8 {
  const marked = encodingOfMark(head);
  const chosen = marked ?? encoding;
  if (chosen !== 'utf-8') {
    const decoder = new TextDecoder(chosen);
    return {
      push: (bytes) => Buffer.from(decoder.decode(bytes, { stream: true })),
      end: () => Buffer.from(decoder.decode()),
    };
  }
  let skip = marked === 'utf-8' ? 3 : 0;
  return {
    push(bytes) {
      const from = skip;
      skip = 0;
      return from === 0 ? bytes : bytes.subarray(from);
    },
    end: () => Buffer.alloc(0),
  };
}

function encodingOfMark(head: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | null {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 'utf-8' : null;
}
