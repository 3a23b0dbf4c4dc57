import { createHash } from 'node:crypto';
import type { ActiveSecret } from '../provider.ts';
import { hmac } from '../signature.ts';

/** A key pair as one secret: `publicKey:privateKey`, as the Control Panel shows them under API Keys. */
export type KeyPair = { readonly secretId: string; readonly publicKey: string; readonly privateKey: string };

const PAIR = /^([A-Za-z0-9_]{8,64}):([A-Za-z0-9_]{8,128})$/;

export function keyPair({ id, secret }: ActiveSecret): KeyPair | null {
  const [, publicKey, privateKey] = PAIR.exec(secret) ?? [];
  return publicKey === undefined || privateKey === undefined ? null : { secretId: id, publicKey, privateKey };
}

/** HMAC-SHA1, keyed with the SHA-1 of the private key, in hex: what Braintree signs payloads and challenges with. */
export function digest({ privateKey }: Pick<KeyPair, 'privateKey'>, text: string): string {
  const key = createHash('sha1').update(privateKey).digest();
  return hmac('sha1', key, text).toString('hex');
}
