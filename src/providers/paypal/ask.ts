import type { ApiAnswer, ApiContext, Fetched } from '../provider.ts';
import { createAccessTokens } from './access-token.ts';

export const LIVE = 'api-m.paypal.com';
export const SANDBOX = 'api-m.sandbox.paypal.com';

const tokens = createAccessTokens();

/** Once more with a new token where the one that was kept is refused: they can be revoked before their time. */
export async function ask(
  path: string,
  context: ApiContext,
): Promise<ApiAnswer | Extract<Fetched, { kind: 'refused' | 'later' }>> {
  const host = context.settings.mode === 'test' ? SANDBOX : LIVE;
  for (let tries = 1; ; tries += 1) {
    const token = await tokens.get(host, context);
    if (token.kind !== 'token') return token;
    const headers = { authorization: `Bearer ${token.text}`, accept: 'application/json' };
    const answer = await context.call({ method: 'GET', host, path, headers });
    if (answer.status !== 401) return answer;
    tokens.forget(host, context);
    if (tries > 1) return answer;
  }
}
