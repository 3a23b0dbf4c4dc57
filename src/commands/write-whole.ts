import { createWriteStream, rmSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, PosternError } from '../errors.ts';
import { isAlive } from '../process-alive.ts';
import type { CommandContext } from './context.ts';

/** The books are nobody's business but their keeper's. */
const FILE_MODE = 0o600;

/** A file that is there is whole: half a journal would balance as well, and half a log shows nothing that is missing. */
export async function writeWhole(
  file: string,
  text: AsyncIterable<string | Uint8Array>,
  { onSignal }: Pick<CommandContext, 'onSignal'>,
): Promise<void> {
  const part = `${file}.${process.pid}.part`;
  const release = onSignal((signal) => {
    rmSync(part, { force: true });
    release();
    // Ends as it would have without us.
    process.kill(process.pid, signal);
  });
  try {
    await clearParts(file);
    await pipeline(text, createWriteStream(part, { flags: 'wx', mode: FILE_MODE }));
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true });
    if (cause instanceof PosternError || !isFileError(cause)) throw cause;
    throw new PosternError('invalid_request', `${file} cannot be written: ${messageOf(cause)}`, { cause });
  } finally {
    release();
  }
}

/** Removes what processes that were killed left of the same file. What cannot be removed stands in nobody's way. */
async function clearParts(file: string): Promise<void> {
  const folder = dirname(file);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(`${basename(file)}.`)) continue;
    const pid = /^\.([1-9]\d{0,9})\.part$/.exec(name.slice(basename(file).length))?.[1];
    if (pid === undefined || (Number(pid) !== process.pid && isAlive(Number(pid)))) continue;
    await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}

const isFileError = (error: unknown): boolean => error instanceof Error && 'syscall' in error && 'path' in error;
