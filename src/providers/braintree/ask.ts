import type { ApiAnswer, ApiContext, EndpointSettings } from '../provider.ts';
import { keyPair } from './key-pairs.ts';

/** braintree_node:lib/braintree/environment.js */
export const HOSTS = { live: 'api.braintreegateway.com', test: 'api.sandbox.braintreegateway.com' } as const;
/** The version of the objects the webhooks carry. braintree_node:lib/braintree/config.js */
const API_VERSION = '6';
const MERCHANT_ID = /^[A-Za-z0-9_]{1,64}$/;

export function merchantIdOf({ merchant_id: id }: EndpointSettings): string | null {
  return typeof id === 'string' && MERCHANT_ID.test(id) ? id : null;
}

export function isApiKey(value: unknown): value is string {
  return typeof value === 'string' && keyPair({ id: '', secret: value }) !== null;
}

/** `path` is below the merchant's; questions are JSON, answers XML. Null where the settings do not say whom to ask as whom. */
export async function ask(path: string, { settings, call }: ApiContext, search?: object): Promise<ApiAnswer | null> {
  const merchant = merchantIdOf(settings);
  const { api_key: key, mode } = settings;
  if (merchant === null || !isApiKey(key)) return null;
  const headers = {
    authorization: `Basic ${Buffer.from(key).toString('base64')}`,
    accept: 'application/xml',
    'x-apiversion': API_VERSION,
  };
  // Sandbox keys mean nothing in production: a wrong guess is refused, never another merchant's answer.
  const host = mode === 'test' ? HOSTS.test : HOSTS.live;
  const whole = `/merchants/${merchant}${path}`;
  if (search === undefined) return call({ method: 'GET', host, path: whole, headers });
  const body = JSON.stringify({ search });
  return call({
    method: 'POST',
    host,
    path: whole,
    headers: { ...headers, 'content-type': 'application/json' },
    body,
  });
}
