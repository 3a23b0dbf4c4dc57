import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { messageOf } from '../../errors.ts';

export type ZipEntry = { readonly path: string; readonly content: AsyncIterable<string> | Iterable<string> };

/**
 * All that could differ between two archives of the same content is fixed: the time (in DOS form, which has no zone, so that no
 * machine's zone gets in), the mode and the level. Level 6 takes three times as long for a twentieth less.
 */
const SAME = { mtime: new Date(1980, 0, 1), mode: 0o100644, forceDosTimestamp: true, compressionLevel: 3 } as const;

/** An archive as it is read, no faster than its reader takes it. An entry is asked for when the one before is written. */
export async function* zipped(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): AsyncGenerator<Buffer> {
  const zip = new ZipFile();
  const output = Readable.from(zip.outputStream);
  let current: Readable | undefined;
  const feed = async (): Promise<void> => {
    for await (const { path, content } of entries) {
      const source = Readable.from(content, { objectMode: false });
      current = source;
      zip.addReadStreamLazy(path, SAME, (give) => give(null, source));
      await finished(source, { writable: false });
    }
    zip.end();
  };
  const broken = (error: unknown): void => {
    output.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  };
  zip.on('error', broken);
  void feed().catch(broken);
  try {
    for await (const piece of output) yield piece as Buffer;
  } finally {
    current?.destroy();
  }
}
