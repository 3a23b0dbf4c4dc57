import multipart from '@fastify/multipart';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { messageOf, PosternError } from '../../errors.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { reportEndpoint } from '../../reconcile/import/report-endpoint.ts';
import {
  findSettlement,
  type SettlementRow,
  selectBatches,
  selectFaults,
  selectLines,
  selectSettlements,
} from '../../reconcile/import/settlement-store.ts';
import { isUuid, UUID } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import {
  ExaminedShape,
  examinedFaults,
  provenBatchView,
  SettlementLineShape,
  SettlementShape,
  SettlementSummaryShape,
  settlementLineView,
  settlementSummary,
  settlementView,
} from '../settlement-view.ts';
import { Id, problems } from '../shapes.ts';
import { uploadOf } from '../upload.ts';

const Name = Type.String({ minLength: 1, maxLength: 100 });
const Reason = Type.String({ minLength: 1, maxLength: 1_000 });
/** What one upload may be; larger ones come by the command, which reads the file where it lies. */
const UPLOAD_BYTES_MAX = 4 * 1024 * 1024 * 1024;

export const settlementRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { pool, providers, importer, uploadIdleMs, log } = deps;
  const sql = sqlOf(pool);
  const tags = ['settlements'];
  const finance = { access: ['finance'] } as const;

  await app.register(multipart);
  // Any other body is the file itself, whatever its sender calls it: JSON reports are not parsed here.
  app.removeContentTypeParser(['application/json', 'text/plain']);
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  async function find(id: string): Promise<SettlementRow> {
    const row = isUuid(id) ? await findSettlement(sql, id) : null;
    if (row === null) throw new PosternError('not_found', `there is no settlement ${id}`);
    return row;
  }

  async function view(id: string): Promise<Static<typeof SettlementShape>> {
    const row = await find(id);
    return settlementView(row, await selectBatches(sql, id), await selectFaults(sql, id));
  }

  app.post(
    '/settlements',
    {
      config: { ...finance, upload: true },
      schema: {
        tags,
        summary: 'Import a settlement report: the file as body, or as the one file of a multipart form; at most 4 GiB',
        consumes: ['text/csv', 'application/json', 'application/octet-stream', 'multipart/form-data'],
        querystring: Type.Object(
          {
            provider: Name,
            endpoint: Type.Optional(Type.String({ minLength: 1, maxLength: 100, default: 'default' })),
            account: Type.Optional(
              Type.String({
                minLength: 1,
                maxLength: 200,
                description: 'whose of the endpoint’s, where several share it; else told by the file',
              }),
            ),
            format: Type.Optional(Type.String({ maxLength: 100, description: 'else told by the file’s head' })),
            file_name: Type.Optional(Type.String({ maxLength: 500, description: 'of a file sent as the body' })),
            accept_difference: Type.Optional(
              Type.String({ ...Reason, description: 'why a report that contradicts itself is taken all the same' }),
            ),
            dry_run: Type.Optional(Type.Boolean({ description: 'read and prove it, and keep nothing' })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Union([SettlementShape, ExaminedShape], {
            description: 'these bytes were imported before, as this; or the outcome of a dry run',
          }),
          202: SettlementShape,
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const {
        provider,
        endpoint = 'default',
        account,
        format,
        accept_difference: accepted,
        dry_run: dryRun,
      } = request.query;
      const target = await reportEndpoint(sql, providers, { provider, endpoint });
      const upload = await uploadOf(request as FastifyRequest, request.query.file_name ?? null, {
        bytesMax: UPLOAD_BYTES_MAX,
        idleMs: uploadIdleMs,
      });
      const received = await importer.receive(
        {
          endpoint: target,
          account,
          format: format ?? null,
          fileName: upload.fileName,
          acceptDifference: accepted?.trim() || null,
          actor: actorOf(request),
          bytesMax: UPLOAD_BYTES_MAX,
          dryRun: dryRun === true,
        },
        upload.bytes,
      );
      if (received.kind === 'dry_run') {
        const { format: found, lines, batches, faults } = received.examined;
        return reply.code(200).send({
          format: found.name,
          lines,
          batches: batches.map(provenBatchView),
          error_count: faults.count,
          errors: examinedFaults(faults.kept, batches),
        });
      }
      if (received.kind === 'proven')
        void received
          .finish()
          .catch((error: unknown) =>
            log.warn({ settlement: received.id, error: messageOf(error) }, 'an import could not be made final'),
          );
      return reply
        .code(received.kind === 'repeated' ? 200 : 202)
        .header('location', `/api/v1/settlements/${received.id}`)
        .send(await view(received.id));
    },
  );

  app.get(
    '/settlements',
    {
      config: finance,
      schema: {
        tags,
        summary: 'Imported reports, newest first',
        querystring: Type.Object(
          {
            provider: Type.Optional(Name),
            endpoint: Type.Optional(Name),
            format: Type.Optional(Name),
            status: Type.Optional(
              Type.Union(
                (['waiting', 'importing', 'imported', 'failed', 'amended'] as const).map((one) => Type.Literal(one)),
              ),
            ),
            batch: Type.Optional(Type.String({ maxLength: 600, description: 'those that have this batch' })),
            ...PageQuery,
          },
          { additionalProperties: false },
        ),
        response: { 200: ListOf(SettlementSummaryShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectSettlements(sql, filter, { before, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.id], settlementSummary);
    },
  );

  app.get(
    '/settlements/:id',
    {
      config: finance,
      schema: {
        tags,
        summary: 'One report: its batches with their proof, and its errors',
        params: Id,
        response: { 200: SettlementShape, ...problems },
      },
    },
    async (request) => await view(request.params.id),
  );

  app.get(
    '/settlements/:id/lines',
    {
      config: finance,
      schema: {
        tags,
        summary: 'The lines that this file was the first to bring, in its order',
        params: Id,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(SettlementLineShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const { id } = await find(request.params.id);
      const place = unpackCursor(cursor, [/^\d{1,18}$/, UUID]);
      const after = place === null ? null : { row: BigInt(place[0] ?? 0), id: place[1] ?? '' };
      const rows = await selectLines(sql, id, { after, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [String(row.row_no), row.id], settlementLineView);
    },
  );
};
