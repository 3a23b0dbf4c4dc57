import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, type TSchema, Type } from 'typebox';
import { type HistoryLine, historyOf } from '../../ledger/queries-store.ts';
import { sqlOf } from '../../postgres/sql.ts';
import { UUID } from '../../uuid.ts';
import { type EventTrail, eventTrails, type RequestTrail, requestTrails } from '../audit-trail-store.ts';
import type { ApiDeps } from '../deps.ts';
import { namedAccount } from '../named-account.ts';
import { LIMIT_DEFAULT, ListOf, PageQuery, pageOf, unpackCursor } from '../paging.ts';
import { AccountId, PostingShape, problems, TransactionShape } from '../shapes.ts';
import { postingView, transactionView } from '../views.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

const EventTrailShape = Type.Object({
  id: Type.String(),
  event_id: Type.String(),
  type: Type.String(),
  provider: Type.String(),
  endpoint: Type.String(),
  delivery: Type.String(),
  received_at: Time,
  body_sha256: Type.String(),
  verified: Nullable(Type.Object({ level: Type.String(), secret_id: Nullable(Type.String()) })),
});

const RequestTrailShape = Type.Object({
  id: Type.String(),
  idempotency_key: Type.String(),
  kind: Type.String(),
  actor: Type.String({ description: 'token:{id}' }),
  refunds: Nullable(Type.String()),
  at: Time,
});

const TrailShape = Type.Object({
  posting: PostingShape,
  transaction: TransactionShape,
  event: Nullable(EventTrailShape),
  request: Nullable(RequestTrailShape),
});

export const auditTrailRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool }) => {
  const sql = sqlOf(pool);

  app.get(
    '/accounts/:id/audit-trail',
    {
      config: { access: ['finance', 'service'] },
      schema: {
        tags: ['accounts'],
        summary: 'Who and what caused each posting, back to the delivery and the secret, or the request and its token',
        params: AccountId,
        querystring: Type.Object(PageQuery, { additionalProperties: false }),
        response: { 200: ListOf(TrailShape), ...problems },
      },
    },
    async (request) => {
      const { cursor, limit = LIMIT_DEFAULT } = request.query;
      const account = await namedAccount(sql, request.params.id);
      const key = unpackCursor(cursor, [UUID, /^\d{1,5}$/]);
      const before = key === null ? null : { transactionId: key[0] ?? '', line: Number(key[1]) };
      const lines = await historyOf(sql, account.id, { before, limit: limit + 1 });
      const [events, requests] = await Promise.all([
        eventTrails(sql, sourcesOf(lines, 'event')),
        requestTrails(sql, sourcesOf(lines, 'request')),
      ]);
      return pageOf(
        lines,
        limit,
        (l) => [l.transaction.id, String(l.posting.line)],
        (l) =>
          trailView(l, events.get(l.transaction.source.event ?? ''), requests.get(l.transaction.source.request ?? '')),
      );
    },
  );
};

function sourcesOf(lines: readonly HistoryLine[], source: 'event' | 'request'): string[] {
  return [...new Set(lines.flatMap(({ transaction }) => transaction.source[source] ?? []))];
}

function trailView(
  { transaction, posting }: HistoryLine,
  event: EventTrail | undefined,
  request: RequestTrail | undefined,
): Static<typeof TrailShape> {
  return {
    posting: postingView(posting),
    transaction: transactionView(transaction, [posting]),
    event:
      event === undefined
        ? null
        : {
            id: event.id,
            event_id: event.event_id,
            type: event.type,
            provider: event.provider,
            endpoint: event.endpoint,
            delivery: event.delivery_id,
            received_at: event.received_at.toISOString(),
            body_sha256: event.body_sha256,
            verified: event.level === null ? null : { level: event.level, secret_id: event.secret_id },
          },
    request:
      request === undefined
        ? null
        : {
            id: request.id,
            idempotency_key: request.idempotency_key,
            kind: request.kind,
            actor: request.actor,
            refunds: request.refunds,
            at: request.created_at.toISOString(),
          },
  };
}
