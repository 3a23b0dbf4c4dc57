import { createHash } from 'node:crypto';
import { PosternError } from '../../errors.ts';
import { parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import type { ApiContext, Fetched } from '../provider.ts';

type Token = { readonly text: string; readonly until: number };
type Refused = Extract<Fetched, { kind: 'refused' | 'later' }>;

export type AccessTokens = {
  /** A token for the endpoint's client id, or why there is none. */
  get(host: string, context: ApiContext): Promise<Refused | { readonly kind: 'token'; readonly text: string }>;
  /** It was refused: the next `get` asks for another. */
  forget(host: string, context: ApiContext): void;
};

const KEPT_MAX = 1_000;
/** Before its end, so that it does not end on its way. */
const MARGIN_MS = 60_000;
const SHAPE = /^[\x21-\x7e]{1,4096}$/;

/**
 * OAuth 2 client credentials: a token is good for hours, and PayPal limits how many it makes. Kept by what asks for it, so
 * that a changed secret asks anew. developer.paypal.com/api/rest/authentication
 */
export function createAccessTokens(): AccessTokens {
  const tokens = new Map<string, Token>();

  async function get(host: string, context: ApiContext): ReturnType<AccessTokens['get']> {
    const key = keyOf(host, context);
    const kept = tokens.get(key);
    if (kept !== undefined && kept.until > context.now) return { kind: 'token', text: kept.text };
    const answer = await context.call({
      method: 'POST',
      host,
      path: '/v1/oauth2/token',
      headers: {
        authorization: `Basic ${Buffer.from(credentialsOf(context)).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
    });
    if (answer.status === 401)
      return {
        kind: 'refused',
        detail: 'answered 401: client_id and client_secret are not known, or of the other mode',
      };
    if (answer.status !== 200) return refusalOf(answer, context.now, 'leave to make access tokens');
    const body = parseExactJson(answer.body);
    const text = textAt(body, 'access_token') ?? '';
    if (!SHAPE.test(text)) throw new PosternError('unreadable_event', 'PayPal answered without an access token');
    const seconds = textAt(body, 'expires_in') ?? '0';
    const lives = /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1_000 : 0;
    if (tokens.size >= KEPT_MAX) tokens.clear();
    tokens.set(key, { text, until: context.now + lives - MARGIN_MS });
    return { kind: 'token', text };
  }

  return { get, forget: (host, context) => void tokens.delete(keyOf(host, context)) };
}

function credentialsOf({ settings }: ApiContext): string {
  return `${String(settings.client_id)}:${String(settings.client_secret)}`;
}

function keyOf(host: string, context: ApiContext): string {
  return createHash('sha256')
    .update(`${host}\n${credentialsOf(context)}`)
    .digest('base64');
}
