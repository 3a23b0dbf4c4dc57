import { messageOf } from '../../errors.ts';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched } from '../provider.ts';
import { credentialsOf, hostOf } from './hosts.ts';

const ERROR_BYTES_MAX = 4_096;
export const EVENT_ID = /^\d{1,19}$/;

export type NotFound = Exclude<Fetched, { kind: 'found' }>;
type Asked = { readonly kind: 'json'; readonly json: Json; readonly bytes: Buffer } | NotFound;

export function idOf(event: Json): bigint {
  const text = textAt(event, 'event_id') ?? '';
  return EVENT_ID.test(text) ? BigInt(text) : 0n;
}

export function lastId(events: readonly Json[]): bigint {
  let last = 0n;
  for (const one of events) if (idOf(one) > last) last = idOf(one);
  return last;
}

export async function ask(path: string, body: object | string, context: ApiContext): Promise<Asked> {
  const credentials = credentialsOf(context.settings);
  if (credentials === null) return { kind: 'refused', detail: 'to ask Plaid takes client_id and api_key' };
  const answer = await context.call({
    method: 'POST',
    host: hostOf(context.settings),
    path,
    headers: {
      'content-type': 'application/json',
      'plaid-client-id': credentials.clientId,
      'plaid-secret': credentials.secret,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const fetched = fetchedFrom(answer, context.now, ['Plaid', ...errorCodeOf(answer.body)].join(': '));
  if (fetched.kind !== 'found') return fetched;
  try {
    return { kind: 'json', json: parseExactJson(fetched.body), bytes: fetched.body };
  } catch (error) {
    return { kind: 'refused', detail: messageOf(error) };
  }
}

/** `INVALID_API_KEYS` and the like, where the answer is one of Plaid's own errors. plaid.com/docs/errors */
function errorCodeOf(body: Buffer): string[] {
  const found = /"error_code"\s*:\s*"([A-Z_]{1,60})"/.exec(body.subarray(0, ERROR_BYTES_MAX).toString('utf8'));
  return found?.[1] === undefined ? [] : [found[1]];
}
