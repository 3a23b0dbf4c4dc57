import { createHash } from 'node:crypto';
import { PosternError } from '../../errors.ts';

/** A file on its way in: read once, hashed and counted while it is read. */
export type ReportSource = {
  /** What it begins with, at most `HEAD_BYTES`; asked for before anything else is read. */
  head(): Promise<Buffer>;
  /** All of its bytes, the head among them. */
  bytes(): AsyncIterable<Uint8Array>;
  /** How many were read so far. */
  count(): number;
  /** SHA-256 of all bytes; right once they are read to their end. */
  sha256(): Buffer;
};

export const HEAD_BYTES = 64 * 1024;

/** @throws PosternError `too_large` from `bytes` and `head` past `bytesMax`. */
export function createReportSource(source: AsyncIterable<Uint8Array>, bytesMax: number): ReportSource {
  const iterator = source[Symbol.asyncIterator]();
  const hash = createHash('sha256');
  const waiting: Uint8Array[] = [];
  let held = 0;
  let count = 0;
  let digest: Buffer | undefined;

  async function next(): Promise<Uint8Array | null> {
    const { value, done } = await iterator.next();
    if (done === true) return null;
    count += value.byteLength;
    if (count > bytesMax)
      throw new PosternError('too_large', `the file is over ${bytesMax} bytes: split it, or import it by the command`);
    hash.update(value);
    return value;
  }

  return {
    async head() {
      while (held < HEAD_BYTES) {
        const chunk = await next();
        if (chunk === null) break;
        waiting.push(chunk);
        held += chunk.byteLength;
      }
      return Buffer.concat(waiting).subarray(0, HEAD_BYTES);
    },
    async *bytes() {
      try {
        for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) yield chunk;
        for (let chunk = await next(); chunk !== null; chunk = await next()) yield chunk;
      } finally {
        // A reader that ends early must not leave a file or a request open.
        await iterator.return?.();
      }
    },
    count: () => count,
    sha256() {
      digest ??= hash.digest();
      return digest;
    },
  };
}
