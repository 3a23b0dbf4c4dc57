import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { insertAudit } from '../../audit-store.ts';
import { PosternError } from '../../errors.ts';
import { setOverdraft } from '../../ledger/overdraft-store.ts';
import { sqlOf, withTransaction } from '../../postgres/sql.ts';
import { isServiceAccount } from '../../transfers/service-account.ts';
import { actorOf } from '../access.ts';
import type { ApiDeps } from '../deps.ts';
import { namedAccount } from '../named-account.ts';
import { AccountId, AccountShape, problems } from '../shapes.ts';
import { accountView } from '../views.ts';

export const accountPolicyRoutes: FastifyPluginAsyncTypebox<ApiDeps> = async (app, { pool }) => {
  const sql = sqlOf(pool);

  app.patch(
    '/accounts/:id',
    {
      config: { access: [] },
      schema: {
        tags: ['accounts'],
        summary: 'Say whether services may take an account below zero',
        params: AccountId,
        body: Type.Object(
          { overdraft: Type.Union([Type.Literal('allowed'), Type.Literal('refused')]) },
          { additionalProperties: false },
        ),
        response: { 200: AccountShape, ...problems },
      },
    },
    async (request) => {
      const { overdraft } = request.body;
      const account = await namedAccount(sql, request.params.id);
      if (!isServiceAccount(account.path))
        throw new PosternError('conflict', `${account.path} is moved by what processors tell, which is never refused`);
      await withTransaction(pool, async (tx) => {
        await setOverdraft(tx, account.path, overdraft);
        await insertAudit(tx, {
          actor: actorOf(request),
          action: 'account.overdraft',
          subject: `account:${account.path}`,
          details: { before: account.overdraft, after: overdraft },
        });
      });
      return accountView(await namedAccount(sql, account.path));
    },
  );
};
