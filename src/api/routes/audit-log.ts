import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { AUDIT_FORMATS, auditView, checkAuditTimes, openAuditExport } from '../../audit-export.ts';
import { selectAudit, selectAuditEntry } from '../../audit-store.ts';
import { assertNever, PosternError } from '../../errors.ts';
import { proveAuditEntry } from '../../ledger/proof.ts';
import { sqlOf } from '../../postgres/sql.ts';
import type { ApiDeps } from '../deps.ts';
import { createExportStreams } from '../export-streams.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { AuditShape, Id, problems } from '../shapes.ts';
import { Hash, HeadShape } from '../tree-head-shape.ts';

const Wanted = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 200, description }));
const Time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));
const AuditQuery = {
  actor: Wanted('token:{id}, cli:{user} or system; with * at its end, all that begin so'),
  action: Wanted('such as endpoint.create, or endpoint.*'),
  subject: Wanted('such as endpoint:7, or transaction:*'),
  from: Time('at or after'),
  to: Time('before'),
};
const Text = Type.Unsafe<Readable>(Type.String());
const Nullable = Type.Union([Type.String(), Type.Null()]);

const AuditProofShape = Type.Object({
  audit_entry: Type.Object({
    id: Type.String(),
    at: Type.String(),
    actor: Type.String(),
    action: Type.String(),
    subject: Type.String(),
    reason: Nullable,
    details: Nullable,
  }),
  index: Type.Integer(),
  path: Type.Array(Hash),
  tree_head: HeadShape,
});

/** Who did what, and why; sealed in the ledger's log. */
export const auditLogRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, deps) => {
  const { pool, keyring, clock, connectReader, log } = deps;
  const sql = sqlOf(pool);
  const streams = createExportStreams(app, log);
  const config = { access: ['ops', 'finance'] } as const;
  const tags = ['operations'];

  app.get(
    '/audit-log',
    {
      config,
      schema: {
        tags,
        summary: 'Who changed what, newest first',
        querystring: Type.Object({ ...AuditQuery, ...PageQuery }, { additionalProperties: false }),
        response: { 200: ListOf(AuditShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      checkAuditTimes(filter);
      const [at, id] = unpackCursor(cursor, [/^[\d:.TZ+-]{20,40}$/, /^\d{1,18}$/]) ?? [];
      const before = at === undefined || id === undefined ? null : { at, id: BigInt(id) };
      const rows = await selectAudit(sql, filter, { before, limit: limit + 1 });
      return pageOf(rows, limit, (row) => [row.at_exactly, String(row.id)], auditView);
    },
  );

  app.get(
    '/audit-log/export',
    {
      config,
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'The audit log as a file, oldest first, whatever its length',
        querystring: Type.Object(
          {
            format: Type.Union(
              AUDIT_FORMATS.map((name) => Type.Literal(name)),
              { default: 'csv' },
            ),
            ...AuditQuery,
          },
          { additionalProperties: false },
        ),
        response: {
          200: {
            description: 'The entries',
            content: { 'text/csv': { schema: Text }, 'application/json': { schema: Text } },
          },
          ...problems,
        },
      },
    },
    async (request, reply) => {
      const { format, ...filter } = request.query;
      return streams.send(reply, () => openAuditExport(connectReader, format, filter));
    },
  );

  app.get(
    '/audit-log/:id',
    {
      config,
      schema: { tags, summary: 'One entry', params: Id, response: { 200: AuditShape, ...problems } },
    },
    async (request) => {
      const id = entryId(request.params.id);
      const row = id === null ? null : await selectAuditEntry(sql, id);
      if (row === null) throw new PosternError('not_found', `there is no audit entry ${request.params.id}`);
      return auditView(row);
    },
  );

  app.get(
    '/audit-log/:id/proof',
    {
      config,
      schema: {
        tags,
        summary: 'Prove that an entry is in the log; "postern ledger verify --proof" checks it without us',
        params: Id,
        querystring: Type.Object(
          { tree_size: Type.Optional(Type.Integer({ minimum: 1, description: 'under the signed head of this size' })) },
          { additionalProperties: false },
        ),
        response: { 200: AuditProofShape, ...problems },
      },
    },
    async (request) => {
      const id = entryId(request.params.id);
      const treeSize = request.query.tree_size ?? null;
      const found =
        id === null ? ({ kind: 'not_sealed' } as const) : await proveAuditEntry({ sql, keyring, clock }, id, treeSize);
      switch (found.kind) {
        case 'proof':
          return { ...found.proof, path: [...found.proof.path] };
        case 'not_sealed':
          throw new PosternError(
            'not_found',
            `there is no sealed audit entry ${request.params.id}; one that was just written is sealed within seconds`,
          );
        case 'no_such_head':
          throw new PosternError('not_found', `no signed head of ${treeSize} covers the audit entry ${id}`);
        default:
          return assertNever(found);
      }
    },
  );
};

const entryId = (text: string): bigint | null => (/^[1-9]\d{0,17}$/.test(text) ? BigInt(text) : null);
