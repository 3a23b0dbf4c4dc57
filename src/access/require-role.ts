import type { FastifyReply, FastifyRequest } from 'fastify';
import { PosternError } from '../errors.ts';
import type { Role } from './roles.ts';
import type { Caller, Tokens } from './tokens.ts';

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;

/** Who made a request that passed `requireRole`. */
const callers = new WeakMap<FastifyRequest, Caller>();

export type RequireRole = (
  ...roles: readonly Role[]
) => (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/**
 * Makes the hook that lets in who has one of the roles; `admin` may all. For `preParsing`: after the rate limit, which
 * bounds guessing, and before a body of a stranger is read or checked.
 */
export function createRequireRole(tokens: Tokens): RequireRole {
  return (...roles) =>
    async (request, reply) => {
      const caller = await authenticated(request, reply, tokens);
      if (!caller.roles.includes('admin') && !caller.roles.some((role) => roles.includes(role))) {
        throw new PosternError('forbidden', `this needs a token with the role ${[...roles, 'admin'].join(' or ')}`);
      }
      callers.set(request, caller);
    };
}

async function authenticated(request: FastifyRequest, reply: FastifyReply, tokens: Tokens): Promise<Caller> {
  const sent = request.headers.authorization;
  const token = sent === undefined ? undefined : BEARER.exec(sent)?.[1];
  const caller = token === undefined ? null : await tokens.authenticate(token);
  if (caller === null) {
    reply.header('www-authenticate', 'Bearer realm="postern"');
    const why = sent === undefined ? 'is missing' : 'is not one in force: unknown, expired or revoked';
    throw new PosternError('unauthenticated', `Authorization: Bearer <token> is needed; the token ${why}`);
  }
  return caller;
}

/** @throws PosternError `internal` on a route without `requireRole`: an action without an actor must not be. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined)
    throw new PosternError('internal', `the route ${request.routeOptions.url} has no requireRole`);
  return caller;
}
