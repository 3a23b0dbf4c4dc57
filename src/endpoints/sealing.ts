import type { EndpointSettings } from '../providers/provider.ts';
import type { EndpointRow, SecretRow } from './endpoint-store.ts';

/** What encrypts: the associated data binds a ciphertext to its row, so that it cannot be moved to another. */
export type Seal = {
  seal(plain: Buffer, associated: string): Buffer;
  open(sealed: Buffer, associated: string): Buffer;
};

export function sealSecret(keyring: Seal, id: string, secret: string): Buffer {
  return keyring.seal(Buffer.from(secret), `secret:${id}`);
}

export function openSecret(keyring: Seal, row: Pick<SecretRow, 'id' | 'sealed'>): string {
  return keyring.open(row.sealed, `secret:${row.id}`).toString();
}

export function sealCredentials(keyring: Seal, endpointId: number, credentials: Record<string, unknown> | null): Buffer | null {
  return credentials === null ? null : keyring.seal(Buffer.from(JSON.stringify(credentials)), `endpoint:${endpointId}`);
}

/** The whole settings of an endpoint, credentials included. */
export function openSettings(keyring: Seal, row: Pick<EndpointRow, 'id' | 'settings' | 'sealed'>): EndpointSettings {
  if (row.sealed === null) return row.settings;
  const credentials = JSON.parse(keyring.open(row.sealed, `endpoint:${row.id}`).toString()) as Record<string, unknown>;
  return { ...row.settings, ...credentials };
}
