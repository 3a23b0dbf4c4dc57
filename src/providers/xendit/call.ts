import type { ApiAnswer, ApiContext } from '../provider.ts';

export const HOST = 'api.xendit.co';

/** Keys of both modes are of the same host; the key is the user name of a Basic authentication without password. */
export function ask(
  path: string,
  { settings, call }: ApiContext,
  headers: Readonly<Record<string, string>> = {},
): Promise<ApiAnswer> {
  const credentials = Buffer.from(`${String(settings.api_key ?? '')}:`).toString('base64');
  return call({
    method: 'GET',
    host: HOST,
    path,
    headers: { authorization: `Basic ${credentials}`, accept: 'application/json', ...headers },
  });
}
