import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PosternError } from './errors.ts';

/**
 * Secrets at rest: AES-256-GCM with a fresh nonce, and what the secret belongs to (endpoint and secret id) as associated
 * data, so that a row copied to another endpoint does not open there.
 *
 * Sealed: byte 1 (version) · byte length of the key's id · id · 12 bytes nonce · ciphertext · 16 bytes tag.
 */
export type Keyring = {
  /** The key that encrypts: the first one. */
  primaryId: string;
  ids: readonly string[];
  seal(aad: string, plaintext: string | Uint8Array): Buffer;
  /** Throws `encryption_key` when the key is not here, or the text was not sealed by it for this `aad`. */
  open(aad: string, sealed: Uint8Array): Buffer;
  /** A credential in a header as it is stored: `hmac-sha256:…` under the first key. */
  hashCredential(value: string): string;
  /** Whether `hash` is of `value`, under any of the keys. */
  isCredential(value: string, hash: string): boolean;
};

const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEYS_MAX = 16;
const KEY_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Parses `id:base64 of 32 bytes,…` (line breaks serve as commas, for the file). `source` names it in errors. */
export function parseKeyring(text: string, source = 'POSTERN_ENCRYPTION_KEYS'): Keyring {
  const keys = new Map<string, Buffer>();
  const entries = text.split(/[,\n]/).map((entry) => entry.trim());
  for (const [index, entry] of entries.filter((part) => part !== '').entries()) {
    const colon = entry.indexOf(':');
    const id = entry.slice(0, Math.max(colon, 0));
    const key = Buffer.from(entry.slice(colon + 1), 'base64');
    // Never the value: half a key in a log is half a key gone.
    const which = KEY_ID.test(id) ? `the key "${id}"` : `entry ${index + 1}`;
    if (!KEY_ID.test(id)) throw invalidKeys(source, `${which} has no id of 1 to 64 letters, digits, ".", "_" or "-"`);
    if (
      key.length !== KEY_BYTES ||
      key.toString('base64').replace(/=+$/, '') !== entry.slice(colon + 1).replace(/=+$/, '')
    ) {
      throw invalidKeys(source, `${which} is not the base64 of 32 bytes`);
    }
    if (keys.has(id)) throw invalidKeys(source, `${which} is there twice`);
    keys.set(id, key);
  }
  if (keys.size === 0 || keys.size > KEYS_MAX) throw invalidKeys(source, `${keys.size} keys were found`);
  return createKeyring(keys);
}

function invalidKeys(source: string, what: string): PosternError {
  return new PosternError(
    'config_invalid',
    `${source} is wrong: ${what}; it may be id:base64 of 32 bytes, several separated by commas`,
  );
}

function createKeyring(keys: ReadonlyMap<string, Buffer>): Keyring {
  const ids = [...keys.keys()];
  const primaryId = ids[0] ?? '';
  // One key for one purpose: what the MAC might ever give away says nothing about the cipher's key.
  const macKeys = [...keys.values()].map((key) =>
    Buffer.from(hkdfSync('sha256', key, '', 'postern credential', KEY_BYTES)),
  );
  const mac = (key: Buffer | undefined, value: string): Buffer =>
    createHmac('sha256', key ?? Buffer.alloc(0))
      .update(value, 'utf8')
      .digest();
  return {
    primaryId,
    ids,
    seal(aad, plaintext) {
      const id = Buffer.from(primaryId, 'ascii');
      const head = Buffer.concat([Buffer.from([VERSION, id.length]), id]);
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyOf(keys, primaryId), nonce);
      cipher.setAAD(associated(head, aad));
      const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
      return Buffer.concat([head, nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    },
    open(aad, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const id = keyIdOf(bytes);
      const headEnd = 2 + id.length;
      if (bytes.length < headEnd + NONCE_BYTES + TAG_BYTES) throw damaged();
      const nonce = bytes.subarray(headEnd, headEnd + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', keyOf(keys, id), nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(associated(bytes.subarray(0, headEnd), aad));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(headEnd + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch (error) {
        throw new PosternError(
          'encryption_key',
          `the key "${id}" does not open what was encrypted under that id: it is another key of the same name, or the row was changed`,
          { cause: error },
        );
      }
    },
    hashCredential: (value) => `hmac-sha256:${mac(macKeys[0], value).toString('hex')}`,
    isCredential(value, hash) {
      if (!/^hmac-sha256:[0-9a-f]{64}$/.test(hash)) return false;
      const stored = Buffer.from(hash.slice('hmac-sha256:'.length), 'hex');
      return macKeys.some((key) => timingSafeEqual(mac(key, value), stored));
    },
  };
}

/** Which key sealed this, for `endpoint rekey` and for refusals. */
export function keyIdOf(sealed: Uint8Array): string {
  const length = sealed[1] ?? 0;
  if (sealed[0] !== VERSION || length === 0 || sealed.length < 2 + length) throw damaged();
  return Buffer.from(sealed.subarray(2, 2 + length)).toString('ascii');
}

function keyOf(keys: ReadonlyMap<string, Buffer>, id: string): Buffer {
  const key = keys.get(id);
  if (key === undefined) {
    throw new PosternError(
      'encryption_key',
      `the encryption key "${id}" is needed and not here: add it to POSTERN_ENCRYPTION_KEYS, or to the file "keys" in the data folder`,
    );
  }
  return key;
}

function associated(head: Uint8Array, aad: string): Buffer {
  return Buffer.concat([head, Buffer.from(aad, 'utf8')]);
}

function damaged(): PosternError {
  return new PosternError('encryption_key', 'an encrypted value in the database is damaged: it has no readable head');
}

const KEYS_FILE = 'keys';

/** The keys of the data folder, or undefined when it has none. */
export function readKeyFile(dataDir: string): Keyring | undefined {
  const path = join(dataDir, KEYS_FILE);
  if (!existsSync(path)) return undefined;
  if ((statSync(path).mode & 0o077) !== 0) {
    throw new PosternError(
      'encryption_key',
      `${path} may be read by others than its owner: chmod 600 it, and consider its keys known`,
    );
  }
  return parseKeyring(readFileSync(path, 'utf8'), path);
}

/** Makes the data folder's key, once: of two processes that start together one makes it, both read it. */
export function makeKeyFile(dataDir: string): Keyring {
  const path = join(dataDir, KEYS_FILE);
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const id = `k${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, `${id}:${randomBytes(KEY_BYTES).toString('base64')}\n`, {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  });
  try {
    // A link appears whole or not at all, and refuses where there is one already.
    linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return parseKeyring(readFileSync(path, 'utf8'), path);
}
