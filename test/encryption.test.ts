import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { keyIdOf, makeKeyFile, parseKeyring, readKeyFile } from '../src/encryption.ts';
import { noteKey, openDatabase } from '../src/postgres/database-store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const KEY_A = Buffer.alloc(32, 1).toString('base64');
const KEY_B = Buffer.alloc(32, 2).toString('base64');
const A = `a:${KEY_A}`;
const B = `b:${KEY_B}`;

describe('a keyring', () => {
  const ring = parseKeyring(A);

  it('opens what it sealed, and seals the same text differently each time', () => {
    const [one, two] = [ring.seal('endpoint 1', 'whsec_x'), ring.seal('endpoint 1', 'whsec_x')];
    expect(ring.open('endpoint 1', one).toString()).toBe('whsec_x');
    expect(one.equals(two)).toBe(false);
    expect(one.includes('whsec_x')).toBe(false);
    expect(keyIdOf(one)).toBe('a');
  });

  it('does not open a row moved to another endpoint', () => {
    expect(() => ring.open('endpoint 2', ring.seal('endpoint 1', 'x'))).toThrow(/does not open/);
  });

  it('does not open what was changed, at any byte', () => {
    const sealed = ring.seal('e', 'secret');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(() => ring.open('e', changed)).toThrow(expect.objectContaining({ code: 'encryption_key' }));
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => ring.open('e', sealed.subarray(0, length))).toThrow(
        expect.objectContaining({ code: 'encryption_key' }),
      );
    }
  });

  it('seals with the first key and opens with all', () => {
    const old = ring.seal('e', 'x');
    const rotated = parseKeyring(`${B},${A}`);
    expect(rotated.open('e', old).toString()).toBe('x');
    expect(keyIdOf(rotated.seal('e', 'x'))).toBe('b');
    expect(() => ring.open('e', rotated.seal('e', 'x'))).toThrow(/key "b" is needed/);
  });

  it('refuses another key under the same id', () => {
    expect(() => parseKeyring(`a:${KEY_B}`).open('e', ring.seal('e', 'x'))).toThrow(/another key of the same name/);
  });

  it('hashes credentials under the key, and still knows them after a rotation', () => {
    const hash = ring.hashCredential('Bearer abc');
    expect(hash).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
    expect(parseKeyring(B).hashCredential('Bearer abc')).not.toBe(hash);
    expect(parseKeyring(`${B},${A}`).isCredential('Bearer abc', hash)).toBe(true);
    expect(ring.isCredential('Bearer abd', hash)).toBe(false);
    expect(ring.isCredential('Bearer abc', 'Bearer abc')).toBe(false);
  });

  it.each([
    ['', '0 keys'],
    [KEY_A, 'entry 1'],
    ['a:', '"a"'],
    ['a:c2hvcnQ=', '"a"'],
    [`a:${KEY_A}AAAA`, '"a"'],
    [`a:*${KEY_A}`, '"a"'],
    [`${A},a:${KEY_B}`, 'twice'],
    [`ä b:${KEY_A}`, 'entry 1'],
  ])('refuses %j in one line without showing a key', (text, tells) => {
    expect(() => parseKeyring(text)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    expect(() => parseKeyring(text)).toThrow(tells);
    expect(() => parseKeyring(text)).not.toThrow(KEY_A.slice(0, 12));
  });
});

describe('the key file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for its owner only', () => {
    expect(readKeyFile(folder)).toBeUndefined();
    const [one, two] = [makeKeyFile(folder), makeKeyFile(folder)];
    expect(two.ids).toEqual(one.ids);
    expect(two.open('e', one.seal('e', 'x')).toString()).toBe('x');
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['keys']);
  });

  it('is refused when others may read it', () => {
    makeKeyFile(folder);
    chmodSync(join(folder, 'keys'), 0o644);
    expect(() => readKeyFile(folder)).toThrow(/chmod 600/);
  });
});

describe('the database and its key', () => {
  let database: TestDatabase;
  let folder: string;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-keys-'));
    await database.sql.query('delete from postern.database');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('a new database takes the first key it sees, and wants it again', async () => {
    const first = await openDatabase(database.app, { encryptionKeys: null, dataDir: folder });
    const second = await openDatabase(database.app, { encryptionKeys: null, dataDir: folder });
    expect(second.keyring.primaryId).toBe(first.keyring.primaryId);
    expect(second).toMatchObject({ moved: false, systemIdentifier: expect.stringMatching(/^\d+$/) });
  });

  it('an instance without the key is refused, told which, and makes no key of its own', async () => {
    await openDatabase(database.app, { encryptionKeys: A, dataDir: folder });
    await expect(openDatabase(database.app, { encryptionKeys: null, dataDir: folder })).rejects.toMatchObject({
      code: 'encryption_key',
      message: expect.stringContaining('"a"'),
    });
    expect(readdirSync(folder)).toEqual([]);
    await expect(openDatabase(database.app, { encryptionKeys: B, dataDir: folder })).rejects.toThrow('"a"');
    await expect(openDatabase(database.app, { encryptionKeys: `a:${KEY_B}`, dataDir: folder })).rejects.toThrow(
      /another key of the same name/,
    );
  });

  it('of two instances with two keys that start at once on a new database, one is refused', async () => {
    const outcomes = await Promise.allSettled([
      openDatabase(database.app, { encryptionKeys: A, dataDir: folder }),
      openDatabase(database.app, { encryptionKeys: B, dataDir: folder }),
    ]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('after a rotation the new key alone is enough once it is noted', async () => {
    await openDatabase(database.app, { encryptionKeys: A, dataDir: folder });
    const { keyring } = await openDatabase(database.app, { encryptionKeys: `${B},${A}`, dataDir: folder });
    await noteKey(database.app, keyring);
    const { keyring: alone } = await openDatabase(database.app, { encryptionKeys: B, dataDir: folder });
    expect(alone.primaryId).toBe('b');
  });

  it('a database that came from another server shows', async () => {
    await openDatabase(database.app, { encryptionKeys: A, dataDir: folder });
    await database.sql.query(`update postern.database set system_identifier = '1'`);
    expect((await openDatabase(database.app, { encryptionKeys: A, dataDir: folder })).moved).toBe(true);
  });
});
