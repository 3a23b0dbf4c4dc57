import type { FastifyRequest } from 'fastify';
import { messageOf, PosternError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes a file: its body may come for as long as it takes, and is limited by the route itself. */
    upload?: true;
  }
}

export type Upload = { readonly fileName: string | null; readonly bytes: AsyncIterable<Uint8Array> };

/** The file of a request: its whole body, or the one file of a multipart form. @throws PosternError `invalid_request` */
export async function uploadOf(request: FastifyRequest, fileName: string | null, bytesMax: number): Promise<Upload> {
  if (request.isMultipart()) {
    // One more than may come, so that the limit is told and not just kept.
    const part = await request.file({ limits: { fileSize: bytesMax + 1, files: 1, fields: 20, fieldSize: 10_000 } });
    if (part === undefined) throw noFile('the form has no file');
    return { fileName: part.filename === '' ? fileName : part.filename, bytes: whole(part.file) };
  }
  const { body } = request;
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body))
    throw noFile('the request has no body');
  // `as`: the stream that our own parser of bodies handed on.
  return { fileName, bytes: whole(body as AsyncIterable<Uint8Array>) };
}

/** Throws where the request ends before its file does: what came of it must not pass for all of it. */
async function* whole(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let came = 0;
  try {
    for await (const chunk of bytes) {
      came += chunk.byteLength;
      yield chunk;
    }
  } catch (cause) {
    throw new PosternError(
      'invalid_request',
      `the upload broke off after ${came} bytes (${messageOf(cause)}): nothing of it was kept; send the file again`,
      { cause },
    );
  }
}

const noFile = (what: string): PosternError =>
  new PosternError('invalid_request', `${what}: send the report itself, or a form with it as its one file`);
