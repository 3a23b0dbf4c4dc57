import type { ApiAnswer, ApiContext } from '../provider.ts';

/** v3. Test keys are of the same host. */
export const HOST = 'api.flutterwave.com';

export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${String(settings.api_key ?? '')}`, accept: 'application/json' };
  return call({ method: 'GET', host: HOST, path, headers });
}
