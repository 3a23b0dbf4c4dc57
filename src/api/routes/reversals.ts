import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { PosternError } from '../../errors.ts';
import { reverseTransaction } from '../../ledger/reversal.ts';
import { withTransaction } from '../../postgres/sql.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { Id, problems, TransactionShape } from '../shapes.ts';
import { transactionView } from '../views.ts';

/** Corrections: what was posted is taken back by its mirror image, once, and says who did it and why. */
export const reversalRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool, clock }) => {
  app.post(
    '/transactions/:id/reverse',
    {
      config: { access: ['finance'] },
      schema: {
        tags: ['transactions'],
        summary: 'Take a transaction back; 409 where it was before, or is a reversal itself',
        params: Id,
        body: Type.Object({ reason: Type.String({ minLength: 1, maxLength: 1_000 }) }, { additionalProperties: false }),
        response: { 201: TransactionShape, ...problems },
      },
    },
    async (request, reply) => {
      const order = { id: request.params.id, actor: actorOf(request), reason: request.body.reason };
      const result = await withTransaction(pool, (tx) => reverseTransaction(tx, order, { clock }));
      if (result.kind === 'refused') throw new PosternError(result.code, result.message);
      return reply.code(201).send(transactionView(result.transaction, result.postings));
    },
  );
};
