import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, type TLiteral, type TObject, type TUnion, Type } from 'typebox';
import { DISCREPANCY_STATUSES } from '../../discrepancy-status.ts';
import { PosternError } from '../../errors.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { discrepancyDetail } from '../../reconcile/discrepancies/detail.ts';
import { LEFT_OUT_MAX } from '../../reconcile/discrepancies/discrepancies.ts';
import { selectDiscrepancies } from '../../reconcile/discrepancies/discrepancies-store.ts';
import { DISCREPANCY_CLASSES } from '../../reconcile/engine/verdict.ts';
import { isUuid, UUID } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import {
  DiscrepancyDetailShape,
  DiscrepancyShape,
  discrepancyDetailView,
  discrepancyView,
} from '../discrepancy-view.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { Id, problems } from '../shapes.ts';

const Words = Type.String({ minLength: 1, maxLength: 200 });
const Note = Type.String({ minLength: 1, maxLength: 4_000 });
const Reason = Type.String({ minLength: 1, maxLength: 1_000 });
const Days = Type.Integer({ minimum: 0, maximum: 36_600 });

const Filter = {
  type: Type.Optional(Type.Enum([...DISCREPANCY_CLASSES], { description: 'its class' })),
  status: Type.Optional(Type.Enum([...DISCREPANCY_STATUSES])),
  finished: Type.Optional(Type.Boolean({ description: 'resolved, cleared or written off; or none of these' })),
  provider: Type.Optional(Words),
  account: Type.Optional(Words),
  currency: Type.Optional(Type.String({ pattern: '^[A-Z]{3}$' })),
  reference: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })),
  cause: Type.Optional(Words),
  assignee: Type.Optional(Words),
  in_proof: Type.Optional(Type.Boolean({ description: 'open items; or observations' })),
  min_age_days: Type.Optional(Days),
  max_age_days: Type.Optional(Days),
};

const strict = { additionalProperties: false } as const;
const Assign = Type.Object(
  {
    action: Type.Literal('assign'),
    assignee: Type.Union([Words, Type.Null()], { description: 'null: to nobody' }),
    note: Type.Optional(Note),
  },
  strict,
);
const NoteOn = Type.Object({ action: Type.Literal('note'), note: Note }, strict);
const Explain = Type.Object(
  { action: Type.Literal('explain'), reason_code: Words, note: Type.Optional(Note) },
  { ...strict, description: 'resolves it; it comes back where class or amount change' },
);
const Reopen = Type.Object({ action: Type.Literal('reopen'), reason: Reason }, strict);
const Agree = Type.Object(
  { action: Type.Literal('agree'), suggestion: Words, reason: Reason },
  { ...strict, description: 'posts an allocation that was suggested' },
);
const Correct = Type.Object(
  { action: Type.Literal('post_correction'), reason: Reason },
  { ...strict, description: 'posts what the missing webhook would have told' },
);
type Acting = TObject<{ action: TLiteral<string> }>;

/** One of these by its `action`: what is wrong is told of the one that is meant, and of none which there are. */
const byAction = <const T extends Acting[]>(...actions: T) =>
  Type.Unsafe<Static<TUnion<T>>>({
    allOf: [
      Type.Object({ action: Type.Enum(actions.map(({ properties }) => properties.action.const)) }),
      { type: 'object', discriminator: { propertyName: 'action' }, required: ['action'], oneOf: actions },
    ],
  });
const Action = byAction(Assign, NoteOn, Explain, Reopen, Agree, Correct);
const BulkAction = byAction(Assign, NoteOn, Explain, Reopen, Correct);

/** What does not net, and the work on it. */
export const discrepancyRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, clock, discrepancies }) => {
  const sql = sqlOf(pool);
  const access = { access: ['finance'] } as const;
  const tags = ['discrepancies'];

  async function show(id: string) {
    const detail = isUuid(id) ? await discrepancyDetail(sql, id) : null;
    if (detail === null) throw new PosternError('not_found', `there is no discrepancy ${id}`);
    return discrepancyDetailView(detail.row, detail, clock.now());
  }

  app.get(
    '/discrepancies',
    {
      config: access,
      schema: {
        tags,
        summary: 'Discrepancies, the last found first',
        querystring: Type.Object({ ...Filter, ...PageQuery }, strict),
        response: { 200: ListOf(DiscrepancyShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT, ...filter } = request.query;
      const before = unpackCursor(cursor, [UUID])?.[0] ?? null;
      const now = clock.now();
      const rows = await selectDiscrepancies(sql, filter, { before, limit: limit + 1, now });
      return pageOf(
        rows,
        limit,
        (row) => [row.id],
        (row) => discrepancyView(row, now),
      );
    },
  );

  app.get(
    '/discrepancies/:id',
    {
      config: access,
      schema: {
        tags,
        summary: 'A discrepancy: both sides, what moved them, what is suggested, what was done about it',
        params: Id,
        response: { 200: DiscrepancyDetailShape, ...problems },
      },
    },
    (request) => show(request.params.id),
  );

  app.post(
    '/discrepancies/:id/actions',
    {
      config: access,
      schema: {
        tags,
        summary: 'Do something about a discrepancy; 409 where it does not fit its state',
        params: Id,
        body: Action,
        response: { 200: DiscrepancyDetailShape, ...problems },
      },
    },
    async (request) => {
      const { id } = request.params;
      await discrepancies.act(id, request.body, actorOf(request));
      return show(id);
    },
  );

  app.post(
    '/discrepancies/actions',
    {
      config: access,
      schema: {
        tags,
        summary:
          'Do the same about all discrepancies that a filter means; those that it does not fit are left out, and named',
        body: Type.Object(
          {
            filter: Type.Object(Filter, { ...strict, minProperties: 1 }),
            action: BulkAction,
            dry_run: Type.Optional(Type.Boolean({ description: 'only tell what would come of it' })),
          },
          strict,
        ),
        response: {
          200: Type.Object({
            dry_run: Type.Boolean(),
            total: Type.Integer(),
            changed: Type.Integer({ description: 'the others were left out' }),
            left_out: Type.Array(Type.Object({ id: Type.String(), reason: Type.String() }), {
              description: `the first ${LEFT_OUT_MAX} of them`,
            }),
          }),
          ...problems,
        },
      },
    },
    async (request) => {
      const { filter, action, dry_run: dryRun = false } = request.body;
      const order = { filter, action, actor: actorOf(request), dryRun };
      const { total, changed, leftOut } = await discrepancies.actOnAll(order);
      return { dry_run: dryRun, total, changed, left_out: [...leftOut] };
    },
  );
};
