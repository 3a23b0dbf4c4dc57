import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { messageOf, PosternError } from '../../errors.ts';
import { type Export, openExport } from '../../ledger/export/export-journal.ts';
import { JOURNAL_FORMATS } from '../../ledger/export/journal.ts';
import type { ApiDeps } from '../deps.ts';
import { problems } from '../shapes.ts';

/** Each holds a connection and one state of the books for as long as its reader takes. */
const EXPORTS_AT_ONCE = 2;
const EXPORT_MS_MAX = 3_600_000;

const Day = Type.Optional(Type.String({ format: 'date', description: 'an accounting date, included' }));
const Text = Type.Unsafe<Readable>(Type.String());

export const exportRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { connectReader, log }) => {
  const running = new Set<() => void>();

  // Else the server would wait for readers to finish before it ends.
  app.addHook('preClose', async () => {
    for (const stop of running) stop();
  });

  app.get(
    '/exports/journal',
    {
      config: { access: ['finance'] },
      // It would make the whole journal to throw it away.
      exposeHeadRoute: false,
      schema: {
        tags: ['accounts'],
        summary: 'The journal as CSV, or for beancount or hledger, whose own checks then prove it',
        querystring: Type.Object(
          {
            format: Type.Union(
              JOURNAL_FORMATS.map((name) => Type.Literal(name)),
              { default: 'csv' },
            ),
            from: Day,
            to: Day,
            account: Type.Optional(
              Type.String({ maxLength: 600, description: 'whole transactions that touch this account' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: {
            description: 'The journal',
            content: { 'text/csv': { schema: Text }, 'text/plain': { schema: Text } },
          },
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { format, from = null, to = null, account = null } = request.query;
      if (running.size >= EXPORTS_AT_ONCE) {
        throw new PosternError('overloaded', `${EXPORTS_AT_ONCE} exports are under way: try again when one is done`);
      }
      const cut = new AbortController();
      const stop = () => cut.abort();
      running.add(stop);
      let journal: Export;
      try {
        journal = await openExport(connectReader, format, { from, to, account });
      } catch (error) {
        running.delete(stop);
        throw error;
      }
      const signal = AbortSignal.any([cut.signal, AbortSignal.timeout(EXPORT_MS_MAX)]);
      // Closing it ends the query under way, which a stream that waits for its next piece cannot.
      signal.addEventListener('abort', () => void journal.close());
      // The next piece is made when the one before is on its way: a slow reader slows the query down.
      const stream = Readable.from(journal.text, { objectMode: false, highWaterMark: 1, encoding: 'utf8' });
      reply.raw.once('close', stop);
      void finished(stream)
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'an export was broken off'))
        .finally(async () => {
          running.delete(stop);
          await journal.close();
        });
      return reply
        .type(journal.contentType)
        .header('content-disposition', `attachment; filename="${journal.fileName}"`)
        .header('cache-control', 'no-store')
        .send(stream);
    },
  );
};
