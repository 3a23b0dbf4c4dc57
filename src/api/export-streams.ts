import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';

/** Each holds a connection and one state of the database for as long as its reader takes. */
const EXPORTS_AT_ONCE = 2;
const EXPORT_MS_MAX = 3_600_000;

/** A file that is made while it is read. */
type Export = {
  readonly contentType: string;
  readonly fileName: string;
  readonly text: AsyncIterable<string | Uint8Array>;
  close(): Promise<void>;
};

export type ExportStreams = { send(reply: FastifyReply, open: () => Promise<Export>): Promise<FastifyReply> };

/** Sends files without end, so many at once at most, and breaks them off when the reader or the server ends. */
export function createExportStreams(app: FastifyInstance, log: Log): ExportStreams {
  const running = new Set<() => void>();

  // Else the server would wait for readers to finish before it ends.
  app.addHook('preClose', async () => {
    for (const stop of running) stop();
  });

  return {
    async send(reply, open) {
      if (running.size >= EXPORTS_AT_ONCE) {
        throw new PosternError('overloaded', `${EXPORTS_AT_ONCE} exports are under way: try again when one is done`);
      }
      const cut = new AbortController();
      const stop = () => cut.abort();
      running.add(stop);
      let file: Export;
      try {
        file = await open();
      } catch (error) {
        running.delete(stop);
        throw error;
      }
      const signal = AbortSignal.any([cut.signal, AbortSignal.timeout(EXPORT_MS_MAX)]);
      // Closing it ends the query under way, which a stream that waits for its next piece cannot.
      signal.addEventListener('abort', () => void file.close());
      // The next piece is made when the one before is on its way: a slow reader slows the query down.
      const stream = Readable.from(file.text, { objectMode: false, highWaterMark: 1 });
      reply.raw.once('close', stop);
      void finished(stream)
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'an export was broken off'))
        .finally(async () => {
          running.delete(stop);
          await file.close();
        });
      return reply
        .type(file.contentType)
        .header('content-disposition', `attachment; filename="${file.fileName}"`)
        .header('cache-control', 'no-store')
        .send(stream);
    },
  };
}
