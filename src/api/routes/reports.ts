import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { DISCREPANCY_STATUSES } from '../../discrepancy-status.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { DISCREPANCY_CLASSES } from '../../reconcile/engine/verdict.ts';
import { openReport, REPORT_FORMATS, type ReportRequest } from '../../reconcile/report/open-report.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { createExportStreams } from '../export-streams.ts';
import { problems } from '../shapes.ts';

const NAME_MAX = 200;
const AGE_DAYS_MAX = 100_000;

const Name = Type.Optional(Type.String({ minLength: 1, maxLength: NAME_MAX }));
const Format = Type.Union(
  REPORT_FORMATS.map((name) => Type.Literal(name)),
  { default: 'json', description: 'csv: an archive of one file a section' },
);
const Run = Type.Optional(
  Type.String({
    format: 'uuid',
    description: 'a run to make again: the same bytes as long as what it tells of stands',
  }),
);
const Bytes = Type.Unsafe<Readable>(Type.String({ format: 'binary' }));
const made = {
  200: {
    description: 'The report; docs/reconciliation.md says how to read it',
    content: {
      'application/json': {
        schema: Type.Unsafe<Readable>(
          Type.Object(
            {
              report: Type.String(),
              version: Type.Integer(),
              cover: Type.Object(
                {
                  proof: Type.String({
                    description:
                      'holds; batches_close: no balance is stated, and each batch of the period is paid out or handed on whole; unproven; fails; empty: nothing moved',
                  }),
                },
                { additionalProperties: true },
              ),
              control: Type.Object({
                sha256: Type.String({ description: 'of every byte before the comma before this member' }),
                run_sha256: Type.String({ description: 'the same when the run was first made' }),
              }),
            },
            { additionalProperties: Type.Array(Type.Object({}, { additionalProperties: true })) },
          ),
        ),
      },
      'application/zip': { schema: Bytes },
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': { schema: Bytes },
    },
  },
  ...problems,
};

/** Reports that finance downloads. They are made while they are read. */
export const reportRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, connectReader, clock, log }) => {
  const streams = createExportStreams(app, log);
  const sql = sqlOf(pool);
  const open = (request: ReportRequest, actor: string) => async () => {
    const report = await openReport({ connect: connectReader, sql, clock, actor }, request);
    const { contentType, fileName, bytes, close } = report;
    return { contentType, fileName, text: bytes, close };
  };
  const tags = ['reports'];

  app.get(
    '/reports/discrepancies',
    {
      config: { access: ['finance'] },
      // It would make the whole report to throw it away.
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'The proof of a period, and every discrepancy by its class, as JSON, CSV files or a workbook',
        querystring: Type.Object(
          {
            format: Format,
            provider: Name,
            account: Name,
            period: Type.Optional(
              Type.String({
                maxLength: NAME_MAX,
                description:
                  'accounting days: 2026, 2026-03, 2026-03-05, 2026-01-15/2026-02-14 or all; this month when absent',
              }),
            ),
            class: Type.Optional(Type.Enum([...DISCREPANCY_CLASSES])),
            status: Type.Optional(Type.Enum([...DISCREPANCY_STATUSES])),
            currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$' })),
            min_age_days: Type.Optional(Type.Integer({ minimum: 0, maximum: AGE_DAYS_MAX })),
            run: Run,
          },
          { additionalProperties: false },
        ),
        response: made,
      },
    },
    async (request, reply) => {
      const { format, run = null, period = null, ...query } = request.query;
      const selection = { provider: query.provider ?? null, account: query.account ?? null };
      const filter = {
        class: query.class ?? null,
        status: query.status ?? null,
        currency: query.currency ?? null,
        minAgeDays: query.min_age_days ?? null,
      };
      return streams.send(
        reply,
        open({ report: 'discrepancies', format, run, selection, period, filter }, actorOf(request)),
      );
    },
  );

  app.get(
    '/reports/settlement/:id',
    {
      config: { access: ['finance'] },
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'One settlement report: its batches, its proof, and how each of its lines stands in the books',
        params: Type.Object({ id: Type.String({ format: 'uuid' }) }),
        querystring: Type.Object({ format: Format, run: Run }, { additionalProperties: false }),
        response: made,
      },
    },
    async (request, reply) => {
      const { format, run = null } = request.query;
      const settlement = request.params.id;
      return streams.send(reply, open({ report: 'settlement', format, run, settlement }, actorOf(request)));
    },
  );
};
