import type { FastifyInstance, FastifyRequest } from 'fastify';
import { callerOf, createRequireRole } from '../access/require-role.ts';
import type { Role } from '../access/roles.ts';
import type { Tokens } from '../access/tokens.ts';
import { PosternError } from '../errors.ts';
import { noteForLog } from '../request-log.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call, beside `admin`; `public` needs no token. Every route says so, or the server does not start. */
    access?: readonly Role[] | 'public';
  }
}

/** Checks the token of every request against what its route asks for. */
export function guard(app: FastifyInstance, tokens: Tokens): void {
  const requireRole = createRequireRole(tokens);
  app.addHook('onRoute', (route) => {
    // Pages and files of plugins (the documentation) name none; everything of ours does.
    if (route.config?.access === undefined && (route.url.startsWith('/api/') || route.url === '/metrics')) {
      throw new PosternError('internal', `the route ${route.url} does not say who may call it`);
    }
  });
  // After the rate limit, which is an onRequest hook of the route and so bounds guessing; before a stranger's body is read.
  app.addHook('preParsing', async (request, reply) => {
    const access = request.routeOptions.config.access ?? 'public';
    if (access === 'public') return;
    await requireRole(...access)(request, reply);
    noteForLog(request, { actor: actorOf(request) });
  });
}

/** The actor for the audit log. */
export function actorOf(request: FastifyRequest): string {
  return callerOf(request).name;
}
