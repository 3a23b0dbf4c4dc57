import type { ApiAnswer, ApiContext } from '../provider.ts';

const LIVE = 'api.wise.com';
const SANDBOX = 'api.wise-sandbox.com';
export const HOSTS = [LIVE, SANDBOX];

/** A token tells no environment: the endpoint's mode does. */
export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  return call({
    method: 'GET',
    host: settings.mode === 'test' ? SANDBOX : LIVE,
    path,
    headers: { authorization: `Bearer ${String(settings.api_key)}`, accept: 'application/json' },
  });
}
