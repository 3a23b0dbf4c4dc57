import type { FastifyInstance } from 'fastify';
import { type Fault, PosternError } from '../errors.ts';

/** Why a text cannot be kept: Postgres has no NUL in texts, and half of a surrogate pair is no character of UTF-8. Null: it can. */
export function textFault(text: string): string | null {
  if (text.includes('\0')) return 'must not have the character NUL (U+0000)';
  return text.isWellFormed() ? null : 'must be whole characters: it has half of a surrogate pair';
}

/** Refuses, for all routes that follow, texts that nothing could be asked or kept by: the database's refusal would be a fault of ours. */
export function refuseBrokenText(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ params, query, body }) => {
    const named = faultIn('params', params);
    // An id that none can have names nothing.
    if (named !== null) throw new PosternError('not_found', `there is nothing by that name: it ${named.message}`);
    const fault = faultIn('querystring', query) ?? faultIn('body', body);
    if (fault !== null)
      throw new PosternError('invalid_request', `${fault.path} ${fault.message}`, { faults: [fault] });
  });
}

/** The first one, in whatever nests as deep as a body may. A body that is read by its route has nothing of JSON's. */
function faultIn(at: string, value: unknown): Fault | null {
  const left: [path: string, value: unknown][] = [[at, value]];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const [path, one] = next;
    if (typeof one === 'string') {
      const message = textFault(one);
      if (message !== null) return { path, message };
    } else if (isPlain(one)) {
      for (const [name, member] of Object.entries(one)) {
        const message = textFault(name);
        if (message !== null) return { path, message };
        left.push([`${path}/${name}`, member]);
      }
    }
  }
  return null;
}

/** No stream or buffer: those are files, and their readers' own. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !('pipe' in value) && !ArrayBuffer.isView(value);
}
