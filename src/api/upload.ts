import type { FastifyRequest } from 'fastify';
import { messageOf, PosternError } from '../errors.ts';
import { textFault } from './plain-text.ts';
import { notIdle } from './upload-idleness.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes a file: its body may come for as long as it takes, and is limited by the route itself. */
    upload?: true;
  }
}

export type Upload = { readonly fileName: string | null; readonly bytes: AsyncIterable<Uint8Array> };

/**
 * The file of a request: its whole body, or the one file of a multipart form. Its bytes end with `request_timeout` where none
 * comes for `idleMs`. @throws PosternError `invalid_request`, `request_timeout`
 */
export async function uploadOf(
  request: FastifyRequest,
  fileName: string | null,
  { bytesMax, idleMs }: { readonly bytesMax: number; readonly idleMs: number },
): Promise<Upload> {
  if (request.isMultipart()) {
    // One more than may come, so that the limit is told and not just kept.
    const coming = request.file({ limits: { fileSize: bytesMax + 1, files: 1, fields: 20, fieldSize: 10_000 } });
    const part = await notIdle(coming, idleMs, 0);
    if (part === undefined) throw noFile('the form has no file');
    const fault = textFault(part.filename);
    if (fault !== null) throw new PosternError('invalid_request', `the file's name ${fault}`);
    return { fileName: part.filename === '' ? fileName : part.filename, bytes: whole(part.file, idleMs) };
  }
  const { body } = request;
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body))
    throw noFile('the request has no body');
  // `as`: the stream that our own parser of bodies handed on.
  return { fileName, bytes: whole(body as AsyncIterable<Uint8Array>, idleMs) };
}

/**
 * Throws where the request ends before its file does: what came of it must not pass for all of it. Only the wait for the next byte
 * counts as standing still, not what our own reader takes for the last.
 */
export async function* whole(source: AsyncIterable<Uint8Array>, idleMs: number): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let came = 0;
  let isOver = false;
  try {
    for (;;) {
      const { value, done } = await notIdle(chunks.next(), idleMs, came);
      if (done === true) {
        isOver = true;
        return;
      }
      came += value.byteLength;
      yield value;
    }
  } catch (cause) {
    // The connection ends behind the answer: ended here, it would take the answer with it.
    isOver = true;
    if (cause instanceof PosternError) throw cause;
    throw new PosternError(
      'invalid_request',
      `the upload broke off after ${came} bytes (${messageOf(cause)}): nothing of it was kept; send the file again`,
      { cause },
    );
  } finally {
    if (!isOver) await chunks.return?.();
  }
}

const noFile = (what: string): PosternError =>
  new PosternError('invalid_request', `${what}: send the report itself, or a form with it as its one file`);
