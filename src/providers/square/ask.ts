import type { ApiAnswer, ApiContext } from '../provider.ts';

export const LIVE = 'connect.squareup.com';
export const SANDBOX = 'connect.squareupsandbox.com';

export function ask(method: 'GET' | 'POST', path: string, context: ApiContext, body?: string): Promise<ApiAnswer> {
  const { settings, call } = context;
  return call({
    method,
    host: settings.mode === 'test' ? SANDBOX : LIVE,
    path,
    headers: {
      authorization: `Bearer ${String(settings.api_key)}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });
}
