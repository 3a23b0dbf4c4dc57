import { type FastifyPluginAsyncTypebox, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, type TSchema, Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { findTransaction } from '../../ledger/queries-store.ts';
import { sqlOf } from '../../postgres/sql.ts';
import type { Wish } from '../../transfers/asked.ts';
import { FAILURE_CODES } from '../../transfers/decide.ts';
import { selectRequest } from '../../transfers/request-store.ts';
import { isUuid } from '../../uuid.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { Id, problems, TransactionShape } from '../shapes.ts';
import {
  idempotencyKeyOf,
  KEY_CHARS_MAX,
  parseMoneyBody,
  RefundBody,
  TransferBody,
  transferOf,
} from '../transaction-request.ts';
import { transactionView } from '../views.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const AcceptedShape = Type.Object({
  status: Type.Literal('ACCEPTED'),
  idempotencyKey: Type.String(),
  messageId: Type.String(),
  pollUrl: Type.String(),
});

const StatusShape = Type.Object({
  status: Type.Union([Type.Literal('PROCESSING'), Type.Literal('COMPLETED'), Type.Literal('FAILED')]),
  idempotencyKey: Type.String(),
  messageId: Nullable(Type.String({ description: 'null while it is not known yet' })),
  pollUrl: Type.String(),
  transaction: Nullable(TransactionShape),
  error: Nullable(
    Type.Object({ code: Type.String({ description: FAILURE_CODES.join(', ') }), message: Type.String() }),
  ),
});

/** A service sends more than a person does; what it may have in hand at once is limited by itself. */
const SERVICE_CALLS_A_MINUTE = 600_000;
const BODY_BYTES_MAX = 16 * 1024;

export const transactionRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, transfers }) => {
  const sql = sqlOf(pool);
  const rateLimit = { max: SERVICE_CALLS_A_MINUTE };
  const ask = { access: ['service'], rateLimit } as const;
  const look = { access: ['service', 'finance'], rateLimit } as const;
  const tags = ['transactions'];

  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseMoneyBody(body),
  );
  // The usual one turns true and null into texts that would pass as ids.
  app.setValidatorCompiler(TypeBoxValidatorCompiler);

  const pollUrl = (key: string): string => `/api/v1/transactions/status/${encodeURIComponent(key)}`;

  async function statusOf(key: string): Promise<Static<typeof StatusShape>> {
    const base = { idempotencyKey: key, pollUrl: pollUrl(key), messageId: null, transaction: null, error: null };
    const row = await selectRequest(sql, key);
    if (row === undefined) {
      if (transfers.inHand(key)) return { ...base, status: 'PROCESSING' };
      throw new PosternError('not_found', `there is no request under the idempotency key ${JSON.stringify(key)}`);
    }
    const known = { ...base, messageId: row.id };
    if (row.status === 'processing') return { ...known, status: 'PROCESSING' };
    const { transaction_id: id, error_code: code, error_message: message } = row;
    if (id === null) return { ...known, status: 'FAILED', error: { code: code ?? 'refused', message: message ?? '' } };
    const found = await findTransaction(sql, id);
    if (found === null)
      throw new PosternError('internal', `request ${row.id} names transaction ${id}, which is not there`);
    return { ...known, status: 'COMPLETED', transaction: transactionView(found.transaction, found.postings) };
  }

  async function submit(request: FastifyRequest, reply: FastifyReply, idempotencyKey: string, wish: Wish) {
    const { messageId, repeated } = await transfers.submit({ idempotencyKey, actor: actorOf(request), wish });
    if (repeated) return reply.code(200).send(await statusOf(idempotencyKey));
    const url = pollUrl(idempotencyKey);
    const accepted = { status: 'ACCEPTED' as const, idempotencyKey, messageId, pollUrl: url };
    return reply.code(202).header('location', url).send(accepted);
  }

  app.post(
    '/transactions',
    {
      config: ask,
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        tags,
        summary: 'Move money between accounts of services: the destination is debited, the source credited',
        description:
          'Accounts come into being when they are first named, as asset:client:{id}, and answer to their bare id. 202: durable, poll for the result. 200: the key is known with the same content; the result so far.',
        body: TransferBody,
        response: { 200: StatusShape, 202: AcceptedShape, ...problems },
      },
    },
    async (request, reply) =>
      submit(request, reply, idempotencyKeyOf(request, request.body.idempotencyKey), transferOf(request.body)),
  );

  app.get(
    '/transactions/status/:idempotencyKey',
    {
      config: look,
      schema: {
        tags,
        summary: 'What became of a request',
        params: Type.Object({ idempotencyKey: Type.String({ minLength: 1, maxLength: KEY_CHARS_MAX }) }),
        response: { 200: StatusShape, ...problems },
      },
    },
    async (request) => statusOf(request.params.idempotencyKey),
  );

  app.get(
    '/transactions/:id',
    {
      config: look,
      schema: { tags, summary: 'One transaction', params: Id, response: { 200: TransactionShape, ...problems } },
    },
    async (request) => {
      const { id } = request.params;
      const found = isUuid(id) ? await findTransaction(sql, id) : null;
      if (found === null) throw new PosternError('not_found', `there is no transaction ${id}`);
      return transactionView(found.transaction, found.postings);
    },
  );

  app.post(
    '/transactions/:id/refund',
    {
      config: ask,
      bodyLimit: BODY_BYTES_MAX,
      // The key may come as a header, and all that is left needs no amount: then there may be no body at all.
      preValidation: async (request) => {
        request.body ??= {};
      },
      schema: {
        tags,
        summary: 'Give a transaction back, whole or in part; never more than is left of it',
        params: Id,
        body: RefundBody,
        response: { 200: StatusShape, 202: AcceptedShape, ...problems },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { amount, idempotencyKey } = request.body;
      const key = idempotencyKeyOf(request, idempotencyKey);
      if (!isUuid(id)) throw new PosternError('not_found', `there is no transaction ${id}`);
      const wish: Wish = { kind: 'refund', of: id, amount: amount === undefined ? null : String(amount) };
      return submit(request, reply, key, wish);
    },
  );
};
