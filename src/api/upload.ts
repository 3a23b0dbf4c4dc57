import type { FastifyRequest } from 'fastify';
import { PosternError } from '../errors.ts';

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
    return { fileName: part.filename === '' ? fileName : part.filename, bytes: part.file };
  }
  const { body } = request;
  if (typeof body !== 'object' || body === null || !(Symbol.asyncIterator in body))
    throw noFile('the request has no body');
  // `as`: the stream that our own parser of bodies handed on.
  return { fileName, bytes: body as AsyncIterable<Uint8Array> };
}

const noFile = (what: string): PosternError =>
  new PosternError('invalid_request', `${what}: send the report itself, or a form with it as its one file`);
