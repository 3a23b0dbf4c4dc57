import multipart from '@fastify/multipart';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { messageOf, PosternError } from '../../errors.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { BANK_FILE_BYTES_MAX } from '../../reconcile/import/bank-importer.ts';
import { findBankStatement, selectBankStatements } from '../../reconcile/import/bank-store.ts';
import { entryCounts } from '../../reconcile/import/entry-counts.ts';
import { isTimeZone } from '../../time-zone.ts';
import { isUuid, UUID } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import { BankStatementShape, bankStatementView } from '../bank-statement-view.ts';
import type { ApiDeps } from '../deps.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { Id, problems } from '../shapes.ts';
import { uploadOf } from '../upload.ts';

type BankStatementView = Static<typeof BankStatementShape>;

export const bankStatementRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (
  app,
  { pool, bankImporter, uploadIdleMs },
) => {
  const sql = sqlOf(pool);
  const tags = ['settlements'];
  const finance = { access: ['finance'] } as const;

  await app.register(multipart);
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  async function find(id: string): Promise<BankStatementView> {
    const row = isUuid(id) ? await findBankStatement(sql, id) : null;
    if (row === null) throw new PosternError('not_found', `there is no bank statement ${id}`);
    return bankStatementView(row, (await entryCounts(sql, [id]))(id));
  }

  app.post(
    '/bank-statements',
    {
      config: { ...finance, upload: true },
      schema: {
        tags,
        summary: 'Import a bank statement: the file as body, or as the one file of a multipart form; at most 64 MiB',
        consumes: ['application/xml', 'text/plain', 'text/csv', 'application/octet-stream', 'multipart/form-data'],
        querystring: Type.Object(
          {
            format: Type.Optional(
              Type.Union(
                (['camt.053', 'mt940', 'bai2', 'csv'] as const).map((one) => Type.Literal(one)),
                { description: 'else told by the file’s head' },
              ),
            ),
            file_name: Type.Optional(Type.String({ maxLength: 500 })),
            time_zone: Type.Optional(Type.String({ maxLength: 60, default: 'UTC' })),
            mapping: Type.Optional(
              Type.String({ maxLength: 8_000, description: 'of a CSV, as JSON: which column is what' }),
            ),
          },
          { additionalProperties: false },
        ),
        response: {
          200: { ...BankStatementShape, description: 'these bytes were imported before, as this' },
          201: BankStatementShape,
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { format = null, file_name: fileName = null, time_zone: zone = 'UTC', mapping } = request.query;
      if (!isTimeZone(zone)) throw wrong('time_zone', 'must be the name of a time zone, such as Europe/Berlin');
      const limits = { bytesMax: BANK_FILE_BYTES_MAX, idleMs: uploadIdleMs };
      const upload = await uploadOf(request as FastifyRequest, fileName, limits);
      const order = { format, fileName: upload.fileName, zone, mapping: parsed(mapping), actor: actorOf(request) };
      const { kind, id } = await bankImporter.receive(order, upload.bytes);
      return reply
        .code(kind === 'repeated' ? 200 : 201)
        .header('location', `/api/v1/bank-statements/${id}`)
        .send(await find(id));
    },
  );

  app.get(
    '/bank-statements',
    {
      config: finance,
      schema: {
        tags,
        summary: 'Imported bank statements, newest first',
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(BankStatementShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectBankStatements(sql, { before, limit: limit + 1 });
      const countsOf = await entryCounts(
        sql,
        rows.map(({ id }) => id),
      );
      return pageOf(
        rows,
        limit,
        (row) => [row.id],
        (row) => bankStatementView(row, countsOf(row.id)),
      );
    },
  );

  app.get(
    '/bank-statements/:id',
    {
      config: finance,
      schema: {
        tags,
        summary: 'One file of bank statements, and its errors',
        params: Id,
        response: { 200: BankStatementShape, ...problems },
      },
    },
    async (request) => find(request.params.id),
  );
};

function parsed(mapping: string | undefined): unknown {
  if (mapping === undefined) return undefined;
  try {
    return JSON.parse(mapping);
  } catch (error) {
    throw wrong('mapping', `must be JSON: ${messageOf(error)}`);
  }
}

const wrong = (name: string, message: string): PosternError =>
  new PosternError('invalid_request', `${name} ${message}`, { faults: [{ path: `querystring/${name}`, message }] });
