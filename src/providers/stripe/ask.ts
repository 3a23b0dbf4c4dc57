import type { ApiAnswer, ApiContext } from '../provider.ts';

export const HOST = 'api.stripe.com';

export function get(path: string, account: string | null, { settings, call }: ApiContext): Promise<ApiAnswer> {
  const headers = {
    authorization: `Bearer ${String(settings.api_key)}`,
    ...(account === null ? {} : { 'stripe-account': account }),
  };
  return call({ method: 'GET', host: HOST, path, headers });
}
