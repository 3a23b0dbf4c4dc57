import type { ApiAnswer, ApiContext, EndpointSettings } from '../provider.ts';

export const HOST = 'api.mollie.com';

export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  return call({
    method: 'GET',
    host: HOST,
    path,
    headers: { authorization: `Bearer ${String(settings.api_key ?? '')}`, accept: 'application/hal+json' },
  });
}

/** An API key is of one mode; an organisation's access token sees live objects unless it is told otherwise. */
export function isTestToken({ mode, api_key: key }: EndpointSettings): boolean {
  return mode === 'test' && String(key).startsWith('access_');
}
