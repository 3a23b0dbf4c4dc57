import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { openExport } from '../../ledger/export/export-journal.ts';
import { JOURNAL_FORMATS } from '../../ledger/export/journal.ts';
import type { ApiDeps } from '../deps.ts';
import { createExportStreams } from '../export-streams.ts';
import { problems } from '../shapes.ts';

const Day = Type.Optional(Type.String({ format: 'date', description: 'an accounting date, included' }));
const Text = Type.Unsafe<Readable>(Type.String());

export const exportRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { connectReader, log }) => {
  const streams = createExportStreams(app, log);

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
      return streams.send(reply, () => openExport(connectReader, format, { from, to, account }));
    },
  );
};
