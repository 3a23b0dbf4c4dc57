import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { guard } from './access.ts';
import type { ApiDeps } from './deps.ts';
import { refuseBrokenText } from './plain-text.ts';
import { accountPolicyRoutes } from './routes/account-policies.ts';
import { accountRoutes } from './routes/accounts.ts';
import { auditLogRoutes } from './routes/audit-log.ts';
import { auditTrailRoutes } from './routes/audit-trail.ts';
import { backfillRoutes } from './routes/backfills.ts';
import { bankStatementRoutes } from './routes/bank-statements.ts';
import { deadLetterRoutes } from './routes/dead-letters.ts';
import { discrepancyRoutes } from './routes/discrepancies.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { eventRoutes } from './routes/events.ts';
import { exportRoutes } from './routes/exports.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { metricsRoute } from './routes/metrics.ts';
import { operationRoutes } from './routes/operations.ts';
import { quarantineRoutes } from './routes/quarantine.ts';
import { queueRoutes } from './routes/queues.ts';
import { reconciliationRoutes } from './routes/reconciliations.ts';
import { replayRoutes } from './routes/replays.ts';
import { reportRoutes } from './routes/reports.ts';
import { reversalRoutes } from './routes/reversals.ts';
import { settlementFetchRoutes } from './routes/settlement-fetches.ts';
import { settlementRoutes } from './routes/settlements.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { transactionRoutes } from './routes/transactions.ts';

export type { ApiDeps } from './deps.ts';

const REQUESTS_A_MINUTE = 3_000;
const BODY_BYTES_MAX = 1024 * 1024;

/** The HTTP API: one schema validates, types and documents each route. */
export async function apiPlugin(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postern',
        version: '1',
        description:
          'Amounts are strings of minor units beside a currency; times are ISO 8601 in UTC; errors are RFC 9457 problem documents.',
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
  });
  await app.register(helmet, { contentSecurityPolicy: false });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
  guard(app, deps.tokens);
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    deps.metrics.apiRequests.inc({ route, status: `${Math.floor(reply.statusCode / 100)}xx` });
  });

  await app.register(
    async (api) => {
      await api.register(rateLimit, { max: REQUESTS_A_MINUTE, timeWindow: '1 minute' });
      refuseBrokenText(api);
      api.addHook('onRoute', (route) => {
        route.bodyLimit ??= BODY_BYTES_MAX;
      });
      for (const routes of [
        endpointRoutes,
        tokenRoutes,
        eventRoutes,
        deadLetterRoutes,
        replayRoutes,
        backfillRoutes,
        quarantineRoutes,
        ledgerRoutes,
        reversalRoutes,
        transactionRoutes,
        accountRoutes,
        accountPolicyRoutes,
        auditTrailRoutes,
        auditLogRoutes,
        reconciliationRoutes,
        discrepancyRoutes,
        exportRoutes,
        reportRoutes,
        operationRoutes,
        queueRoutes,
        settlementRoutes,
        settlementFetchRoutes,
        bankStatementRoutes,
      ])
        await api.register(routes, deps);
      api.get(
        '/openapi.json',
        {
          config: { access: 'public' },
          schema: { tags: ['operations'], summary: 'This description', response: { 200: Type.Any() } },
        },
        async () => app.swagger(),
      );
    },
    { prefix: '/api/v1' },
  );
  await app.register(metricsRoute, deps);
}
