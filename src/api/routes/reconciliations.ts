import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, type TSchema, Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import type { Account } from '../../ledger/queries-store.ts';
import {
  findReconciliation,
  type ReconciliationRow,
  selectDifferences,
  selectReconciliations,
} from '../../ledger/reconciliation-store.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { isUuid } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { namedAccount } from '../named-account.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { AccountId, problems } from '../shapes.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });
const Amount = Type.String({ pattern: '^-?\\d+$', description: 'minor units' });

const ReconciliationShape = Type.Object({
  id: Type.String(),
  account: Type.String(),
  status: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
  actor: Type.String(),
  started_at: Time,
  ended_at: Nullable(Time),
  postings: Type.Integer({ description: 'lines that were added up' }),
  open_items: Type.Integer({ description: 'items that were compared' }),
  differences: Type.Integer({ description: 'balances and items that differ; the first 10,000 items are kept' }),
  error: Nullable(Type.String()),
  poll_url: Type.String(),
});

const DifferenceShape = Type.Object({
  currency: Type.String(),
  reference: Nullable(Type.String({ description: 'of an open item; null: the balance' })),
  component: Nullable(Type.String()),
  kept: Amount,
  recomputed: Amount,
  difference: Type.String({ pattern: '^-?\\d+$', description: 'kept − recomputed, minor units' }),
});

const DifferencesShape = Type.Object({
  account: Type.String(),
  reconciliation: ReconciliationShape,
  ...ListOf(DifferenceShape).properties,
});

const Run = Type.Object({ ...AccountId.properties, run: Type.String({ maxLength: 36 }) });
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const reconciliationRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, reconciler }) => {
  const sql = sqlOf(pool);
  const config = { access: ['finance'] } as const;
  const tags = ['accounts'];

  async function find(account: Account, id: string): Promise<ReconciliationRow> {
    const row = isUuid(id) ? await findReconciliation(sql, account.id, { id }) : undefined;
    if (row === undefined) throw new PosternError('not_found', `account ${account.path} has no reconciliation ${id}`);
    return row;
  }

  app.post(
    '/accounts/:id/reconcile',
    {
      config,
      schema: {
        tags,
        summary: 'Recompute an account from its postings; one run at a time, the one under way is answered again',
        params: AccountId,
        response: { 202: ReconciliationShape, ...problems },
      },
    },
    async (request, reply) => {
      const account = await namedAccount(sql, request.params.id);
      const id = await reconciler.ask(account, actorOf(request));
      const view = reconciliationView(account, await find(account, id));
      return reply.code(202).header('location', view.poll_url).send(view);
    },
  );

  app.get(
    '/accounts/:id/reconciliation-history',
    {
      config,
      schema: {
        tags,
        summary: 'Reconciliations of an account, newest first',
        params: AccountId,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(ReconciliationShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const account = await namedAccount(sql, request.params.id);
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const rows = await selectReconciliations(sql, account.id, { before, limit: limit + 1 });
      return pageOf(
        rows,
        limit,
        (row) => [row.id],
        (row) => reconciliationView(account, row),
      );
    },
  );

  app.get(
    '/accounts/:id/reconciliation-history/:run',
    {
      config,
      schema: {
        tags,
        summary: 'How far a reconciliation is',
        params: Run,
        response: { 200: ReconciliationShape, ...problems },
      },
    },
    async (request) => {
      const account = await namedAccount(sql, request.params.id);
      return reconciliationView(account, await find(account, request.params.run));
    },
  );

  app.get(
    '/accounts/:id/reconciliation-difference',
    {
      config,
      schema: {
        tags,
        summary: 'Kept − recomputed: each balance, and each open item that differs; of the last run that was done',
        params: AccountId,
        querystring: Type.Object(
          { reconciliation: Type.Optional(Type.String({ maxLength: 36 })), ...PageQuery },
          { additionalProperties: false },
        ),
        response: { 200: DifferencesShape, ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, reconciliation } = request.query;
      const account = await namedAccount(sql, request.params.id);
      // The cursor names its run: another one that ends between two pages must not mix with it.
      const [run, line] = unpackCursor(cursor, [UUID, /^\d{1,6}$/]) ?? [reconciliation, '0'];
      const row =
        run === undefined ? await findReconciliation(sql, account.id, { newest: 'done' }) : await find(account, run);
      if (row === undefined)
        throw new PosternError('not_found', `account ${account.path} was not reconciled yet: POST …/reconcile first`);
      if (row.status !== 'done')
        throw new PosternError('conflict', `reconciliation ${row.id} is ${row.status}: it has no differences to show`);
      const rows = await selectDifferences(sql, row.id, { after: Number(line), limit: limit + 1 });
      if (rows.length === 0 && line === '0' && row.differences > 0n)
        throw new PosternError(
          'removed',
          `the differences of reconciliation ${row.id} were removed: newer ones are there`,
        );
      return {
        account: account.path,
        reconciliation: reconciliationView(account, row),
        ...pageOf(
          rows,
          limit,
          (d) => [row.id, String(d.line)],
          (d) => ({
            currency: d.currency,
            reference: d.reference,
            component: d.component,
            kept: String(d.kept),
            recomputed: String(d.recomputed),
            difference: String(d.kept - d.recomputed),
          }),
        ),
      };
    },
  );
};

function reconciliationView(account: Account, row: ReconciliationRow): Static<typeof ReconciliationShape> {
  return {
    id: row.id,
    account: account.path,
    status: row.status,
    actor: row.actor,
    started_at: row.started_at.toISOString(),
    ended_at: row.ended_at?.toISOString() ?? null,
    postings: Number(row.postings),
    open_items: Number(row.open_items),
    differences: Number(row.differences),
    error: row.error,
    poll_url: `/api/v1/accounts/${encodeURIComponent(account.path)}/reconciliation-history/${row.id}`,
  };
}
