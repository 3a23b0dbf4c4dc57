import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { assertNever, PosternError } from '../../errors.ts';
import { signNow } from '../../ledger/heads.ts';
import { proveInclusion } from '../../ledger/proof.ts';
import { headText } from '../../ledger/tree-head.ts';
import { CHECKS } from '../../ledger/verify/report.ts';
import { verifyLedger } from '../../ledger/verify/verify.ts';
import { sqlOf } from '../../postgres/sql.ts';
import type { ApiDeps } from '../deps.ts';
import { Id, problems } from '../shapes.ts';
import { Hash, HeadShape } from '../tree-head-shape.ts';

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
const SealedShape = Type.Object({
  id: Type.String(),
  effect_key: Type.String(),
  content: Type.String(),
  kind: Type.String(),
  effective_at: Type.String(),
  recorded_at: Type.String(),
  accounting_date: Type.String(),
  rule_version: Type.Integer(),
  reverses: Nullable(Type.String()),
  source_event: Nullable(Type.String()),
  source_sha256: Nullable(Type.String()),
  source_line: Nullable(Type.String()),
  source_request: Nullable(Type.String()),
  cause: Nullable(Type.String()),
  lines: Type.Array(
    Type.Object({
      line: Type.Integer(),
      account: Type.String(),
      currency: Type.String(),
      amount: Type.String(),
      reference: Nullable(Type.String()),
      component: Nullable(Type.String()),
    }),
  ),
});

const ProofShape = Type.Object({
  transaction: SealedShape,
  index: Type.Integer(),
  path: Type.Array(Hash),
  tree_head: HeadShape,
});

const ReportShape = Type.Object({
  ok: Type.Boolean(),
  transactions: Type.Integer(),
  postings: Type.Integer(),
  events: Type.Integer(),
  audit_entries: Type.Integer(),
  unsealed: Type.Integer(),
  log_size: Type.Integer(),
  root: Hash,
  heads: Type.Integer(),
  seconds: Type.Number(),
  checks: Type.Array(
    Type.Object({
      name: Type.String({ enum: [...CHECKS] }),
      says: Type.String(),
      checked: Type.Integer(),
      fault: Nullable(Type.Object({ row: Type.String(), found: Type.String() })),
    }),
  ),
});

/** What the books can prove of themselves. */
export const ledgerRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, keyring, clock }) => {
  const sql = sqlOf(pool);
  const heads = { sql, keyring, clock };
  const tags = ['ledger'];
  let verifying = false;

  app.get(
    '/ledger/verify',
    {
      config: { access: ['finance'] },
      schema: {
        tags,
        summary: 'Prove the books from their rows; reads everything, one at a time',
        response: { 200: ReportShape, ...problems },
      },
    },
    async () => {
      if (verifying)
        throw new PosternError('overloaded', 'the books are being verified already: ask again when that is done');
      verifying = true;
      try {
        const report = await verifyLedger({ pool });
        return { ...report, checks: [...report.checks] };
      } finally {
        verifying = false;
      }
    },
  );

  app.get(
    '/ledger/head',
    {
      config: { access: ['finance', 'service', 'monitor'] },
      schema: {
        tags,
        summary: 'The log as it is now, signed: to be kept, and found again later',
        response: { 200: HeadShape, ...problems },
      },
    },
    async () => {
      const signed = await signNow(heads);
      if (signed === null) throw new PosternError('not_found', 'the log is empty: nothing is posted and sealed yet');
      return headText(signed.head, signed.publicKey);
    },
  );

  app.get(
    '/transactions/:id/proof',
    {
      config: { access: ['finance', 'service'] },
      schema: {
        tags,
        summary: 'Prove that a transaction is in the log; "postern ledger verify --proof" checks it without us',
        params: Id,
        querystring: Type.Object(
          { tree_size: Type.Optional(Type.Integer({ minimum: 1, description: 'under the signed head of this size' })) },
          { additionalProperties: false },
        ),
        response: { 200: ProofShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      const treeSize = request.query.tree_size ?? null;
      const found = UUID.test(id) ? await proveInclusion(heads, id, treeSize) : ({ kind: 'not_sealed' } as const);
      switch (found.kind) {
        case 'proof': {
          const { transaction, path, ...rest } = found.proof;
          return { ...rest, path: [...path], transaction: { ...transaction, lines: [...transaction.lines] } };
        }
        case 'not_sealed':
          throw new PosternError(
            'not_found',
            `there is no sealed transaction ${id}; one that was just recorded is sealed within seconds`,
          );
        case 'no_such_head':
          throw new PosternError('not_found', `no signed head of ${treeSize} covers the transaction ${id}`);
        default:
          return assertNever(found);
      }
    },
  );
};

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
