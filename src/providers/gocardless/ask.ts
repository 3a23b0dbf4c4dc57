import type { ApiAnswer, ApiContext, EndpointSettings } from '../provider.ts';

export const LIVE = 'api.gocardless.com';
export const SANDBOX = 'api-sandbox.gocardless.com';

/** Access tokens begin with `live_` or `sandbox_`: a key that is of the one environment is never shown to the other. */
export function hostOf({ api_key: token, mode }: EndpointSettings): string {
  const key = String(token);
  if (key.startsWith('sandbox_')) return SANDBOX;
  return mode === 'test' && !key.startsWith('live_') ? SANDBOX : LIVE;
}

export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  return call({
    method: 'GET',
    host: hostOf(settings),
    path,
    headers: {
      authorization: `Bearer ${String(settings.api_key)}`,
      'gocardless-version': '2015-07-06',
      accept: 'application/json',
    },
  });
}
