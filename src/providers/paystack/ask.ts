import type { ApiAnswer, ApiContext } from '../provider.ts';

/** Test keys are of the same host. */
export const HOST = 'api.paystack.co';

export function isApiKey(value: unknown): value is string {
  return typeof value === 'string' && /^sk_(?:live|test)_[\w-]{4,200}$/.test(value);
}

export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${String(settings.api_key)}`, accept: 'application/json' };
  return call({ method: 'GET', host: HOST, path, headers });
}
