import type { Keyring } from '../encryption.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import type { EndpointRow, SecretRow } from './endpoint-store.ts';

export function sealSecret(keyring: Keyring, id: string, secret: string): Buffer {
  return keyring.seal(`secret:${id}`, Buffer.from(secret));
}

export function openSecret(keyring: Keyring, row: Pick<SecretRow, 'id' | 'sealed'>): string {
  return keyring.open(`secret:${row.id}`, row.sealed).toString();
}

export function sealCredentials(
  keyring: Keyring,
  endpointId: number,
  credentials: Record<string, unknown> | null,
): Buffer | null {
  return credentials === null ? null : keyring.seal(`endpoint:${endpointId}`, Buffer.from(JSON.stringify(credentials)));
}

/** The whole settings of an endpoint, credentials included. */
export function openSettings(keyring: Keyring, row: Pick<EndpointRow, 'id' | 'settings' | 'sealed'>): EndpointSettings {
  if (row.sealed === null) return row.settings;
  const credentials = JSON.parse(keyring.open(`endpoint:${row.id}`, row.sealed).toString()) as Record<string, unknown>;
  return { ...row.settings, ...credentials };
}
