import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Admission } from './admission.ts';

/** What reading a request's body came to; `bytes` is what was counted against the gateway's limit. */
export type BodyRead =
  | { readonly kind: 'read'; readonly body: Buffer; readonly bytes: number }
  | { readonly kind: 'too_large'; readonly bytes: number }
  | { readonly kind: 'overloaded'; readonly bytes: number }
  | { readonly kind: 'broken'; readonly bytes: number; readonly detail: string };

/**
 * Collects the exact bytes, counting them as they come. Buffers are joined once, never decoded on the way: a chunk may
 * end inside a character. `counted` is what admission knows already (content-length).
 */
export async function readBody(
  stream: Readable,
  options: { readonly bytesMax: number; readonly counted: number; readonly admission: Admission },
): Promise<BodyRead> {
  const chunks: Buffer[] = [];
  let size = 0;
  let counted = options.counted;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > options.bytesMax) return { kind: 'too_large', bytes: counted };
      if (size > counted) {
        const more = size - counted;
        counted = size;
        if (!options.admission.grow(more)) return { kind: 'overloaded', bytes: counted };
      }
      chunks.push(chunk);
    }
  } catch (error) {
    return { kind: 'broken', bytes: counted, detail: error instanceof Error ? error.message : String(error) };
  }
  const [only] = chunks;
  return {
    kind: 'read',
    body: chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks),
    bytes: counted,
  };
}

/**
 * A gzip body as the provider signed it: none of them compresses, so it was a proxy, and the signature is over the
 * unpacked bytes. Null when it is no gzip or unpacks past the limit (a bomb stops there).
 */
export async function unpackGzip(body: Buffer, bytesMax: number): Promise<Buffer | null> {
  const gunzip = createGunzip();
  const chunks: Buffer[] = [];
  let size = 0;
  gunzip.end(body);
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bytesMax) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  } finally {
    gunzip.destroy();
  }
  return Buffer.concat(chunks);
}

const DRAIN_BYTES_MAX = 64 * 1024;
const DRAIN_MS_MAX = 40;

/**
 * Reads and throws away what a refused sender has on the way, so that it sees the answer and not a reset: bounded in
 * bytes and time.
 */
export function drain(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    const finish = (): void => {
      clearTimeout(timer);
      stream.off('data', onData).off('end', finish).off('error', finish).off('close', finish);
      stream.pause();
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      seen += chunk.length;
      if (seen >= DRAIN_BYTES_MAX) finish();
    };
    const timer = setTimeout(finish, DRAIN_MS_MAX);
    if (stream.readableEnded || stream.destroyed) finish();
    else stream.on('data', onData).on('end', finish).on('error', finish).on('close', finish);
  });
}
