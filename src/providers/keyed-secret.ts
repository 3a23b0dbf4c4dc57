/**
 * A secret of processors that name the key they signed with: `<key id> <key>`, or the key alone, which is tried whatever
 * the request names. Keys hold no blanks, so nothing is ambiguous.
 */
export type KeyedSecret = { readonly keyId: string | null; readonly key: string };

export function keyedSecret(secret: string): KeyedSecret {
  const blank = secret.indexOf(' ');
  return blank === -1
    ? { keyId: null, key: secret }
    : { keyId: secret.slice(0, blank), key: secret.slice(blank + 1).trim() };
}

/** Null where it is one, else what is wrong. */
export function keyedSecretFault(secret: string): string | null {
  const { keyId, key } = keyedSecret(secret);
  const isRight = /^[\x21-\x7e]{8,512}$/.test(key) && (keyId === null || /^[\x21-\x7e]{1,256}$/.test(keyId));
  return isRight ? null : 'must be the key, of at least 8 characters, or its id, a blank and the key';
}
