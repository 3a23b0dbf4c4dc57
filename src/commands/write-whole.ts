import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { messageOf, PosternError } from '../errors.ts';

/** The books are nobody's business but their keeper's. */
const FILE_MODE = 0o600;

/** A file that is there is whole: half a journal would balance as well, and half a log shows nothing that is missing. */
export async function writeWhole(file: string, text: AsyncIterable<string | Uint8Array>): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  try {
    await pipeline(text, createWriteStream(part, { flags: 'wx', mode: FILE_MODE }));
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    if (cause instanceof PosternError || !isFileError(cause)) throw cause;
    throw new PosternError('invalid_request', `${file} cannot be written: ${messageOf(cause)}`, { cause });
  }
}

const isFileError = (error: unknown): boolean => error instanceof Error && 'syscall' in error && 'path' in error;
