import type { EndpointSettings } from '../provider.ts';

/** plaid.com/docs/api: what a key of one environment is refused in the other. */
const HOSTS = { live: 'production.plaid.com', test: 'sandbox.plaid.com' } as const;

export const PLAID_HOSTS: readonly string[] = Object.values(HOSTS);

export function hostOf({ mode }: EndpointSettings): string {
  return mode === 'test' ? HOSTS.test : HOSTS.live;
}

const KEY_PATH = '/webhook_verification_key/get?key_id=';

/** What `verify` asks for, and `api.fetchKey` understands: Plaid has no such URL, but the key needs a name. */
export function keyUrl(settings: EndpointSettings, keyId: string): string {
  return `https://${hostOf(settings)}${KEY_PATH}${keyId}`;
}

/** The key id in such a URL, or null where it is none of the endpoint's. */
export function keyIdOf(url: string, settings: EndpointSettings): string | null {
  const start = keyUrl(settings, '');
  const keyId = url.startsWith(start) ? url.slice(start.length) : '';
  return /^[A-Za-z0-9_-]{1,64}$/.test(keyId) ? keyId : null;
}

export type Credentials = { readonly clientId: string; readonly secret: string };

/** What Plaid's API takes; null where it is not set. */
export function credentialsOf({ client_id: clientId, api_key: secret }: EndpointSettings): Credentials | null {
  return isCredential(clientId) && isCredential(secret) ? { clientId, secret } : null;
}

export function isCredential(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9]{8,64}$/.test(value);
}
