import type { ApiAnswer, ApiContext, EndpointSettings } from '../provider.ts';

export const LIVE = 'api.checkout.com';
export const SANDBOX = 'api.sandbox.checkout.com';

/** Secret keys of the sandbox begin with `sk_sbox_`: the key says where it is of. */
export function hostOf({ api_key: key }: EndpointSettings): string {
  return String(key).startsWith('sk_sbox_') ? SANDBOX : LIVE;
}

export function isApiKey(value: unknown): value is string {
  return typeof value === 'string' && /^sk_(?:sbox_)?[\w*#$=-]{20,100}$/.test(value);
}

/** A body makes it a POST, which only the search is. */
export function ask(path: string, { settings, call }: ApiContext, body?: object): Promise<ApiAnswer> {
  const headers = { authorization: `Bearer ${String(settings.api_key)}`, accept: 'application/json' };
  const host = hostOf(settings);
  return body === undefined
    ? call({ method: 'GET', host, path, headers })
    : call({
        method: 'POST',
        host,
        path,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
}
