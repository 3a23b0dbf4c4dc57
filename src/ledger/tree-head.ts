import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { Keyring } from '../encryption.ts';

/** Says, signed, that the log had this root at this size. Whoever holds one notices a log that was written anew. */
export type TreeHead = {
  readonly size: number;
  readonly root: Buffer;
  readonly signedAt: Date;
  readonly keyId: string;
  /** Ed25519 over `signedBytes`. */
  readonly signature: Buffer;
};

/** A key that signs heads. `publicKey` is SPKI in DER. */
export type SigningKey = { readonly id: string; readonly publicKey: Buffer; readonly sealed: Buffer };

/** What is signed: four lines of text, so that an outsider needs no library of ours. */
export function signedBytes(head: Pick<TreeHead, 'size' | 'root' | 'signedAt'>): Buffer {
  return Buffer.from(
    `postern tree head 1\n${head.size}\n${head.root.toString('hex')}\n${head.signedAt.toISOString()}\n`,
    'ascii',
  );
}

const idOf = (publicKey: Buffer): string => createHash('sha256').update(publicKey).digest('hex').slice(0, 16);

export function makeSigningKey(keyring: Keyring): SigningKey {
  const pair = generateKeyPairSync('ed25519');
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
  const id = idOf(publicKey);
  const sealed = keyring.seal(`signing_key:${id}`, pair.privateKey.export({ type: 'pkcs8', format: 'der' }));
  return { id, publicKey, sealed };
}

export function signHead(
  keyring: Keyring,
  key: SigningKey,
  told: Pick<TreeHead, 'size' | 'root' | 'signedAt'>,
): TreeHead {
  const pkcs8 = keyring.open(`signing_key:${key.id}`, key.sealed);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { ...told, keyId: key.id, signature: sign(null, signedBytes(told), privateKey) };
}

/** Whether this key signed it. `publicKey` is SPKI in DER; what is no key signed nothing. */
export function isSigned(head: TreeHead, publicKey: Buffer): boolean {
  if (idOf(publicKey) !== head.keyId) return false;
  try {
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' && verify(null, signedBytes(head), key, head.signature);
  } catch {
    return false;
  }
}

/** As it stands in the file of heads (one line each) and in a proof; hashes in hex, signature and key in base64. */
export type TreeHeadText = {
  readonly size: number;
  readonly root: string;
  readonly signed_at: string;
  readonly key_id: string;
  readonly signature: string;
  readonly public_key: string;
};

export function headText(head: TreeHead, publicKey: Buffer): TreeHeadText {
  return {
    size: head.size,
    root: head.root.toString('hex'),
    signed_at: head.signedAt.toISOString(),
    key_id: head.keyId,
    signature: head.signature.toString('base64'),
    public_key: publicKey.toString('base64'),
  };
}

export function headOf(text: TreeHeadText): TreeHead & { readonly publicKey: Buffer } {
  return {
    size: text.size,
    root: Buffer.from(text.root, 'hex'),
    signedAt: new Date(text.signed_at),
    keyId: text.key_id,
    signature: Buffer.from(text.signature, 'base64'),
    publicKey: Buffer.from(text.public_key, 'base64'),
  };
}
