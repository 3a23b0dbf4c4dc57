import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditEntry, insertAudit } from '../../src/audit-store.ts';
import { parseKeyring } from '../../src/encryption.ts';
import { auditLeafHashOf } from '../../src/ledger/audit-leaf.ts';
import { signNow } from '../../src/ledger/heads.ts';
import { sealFound, sealLag, sealStep, selectSealedAuditEntry } from '../../src/ledger/log-store.ts';
import { type AuditProof, faultOfProof, parseProof, proveAuditEntry } from '../../src/ledger/proof.ts';
import { verifyLedger } from '../../src/ledger/verify/verify.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seal } from '../support/sealed.ts';
import { AT, captured, openBooks } from './books.ts';

const keyring = parseKeyring(`test:${Buffer.alloc(32, 7).toString('base64')}`);
const clock = { now: () => AT };
const ENTRY: AuditEntry = { actor: 'cli:test', action: 'endpoint.create', subject: 'endpoint:1', reason: 'new shop' };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const parts = (on: TestDatabase) => ({ sql: on.app, keyring, clock });

async function note(on: TestDatabase, entry: AuditEntry = ENTRY): Promise<bigint> {
  await withTransaction(on.appPool, (tx) => insertAudit(tx, entry));
  const { rows } = await on.sql.query<{ id: bigint }>('select max(id) as id from postern.audit_log');
  return rows[0]?.id ?? 0n;
}

/** What each place of the log holds: `t`, or the id of an audit entry. */
async function places(on: TestDatabase): Promise<string[]> {
  const { rows } = await on.app.query<{ seq: bigint; place: string }>(
    `select seq, coalesce(audit_id::text, 't') as place from postern.seal order by seq`,
  );
  expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, n) => n));
  return rows.map(({ place }) => place);
}

describe('the place of an audit entry in the log', () => {
  it('is between the transactions before and after it, whatever the size of a step', async () => {
    const own = await createTestDatabase();
    try {
      const books = openBooks(own);
      for (let n = 0; n < 4; n += 1) {
        await note(own);
        await books.post([captured(`p${n}`, 5n)]);
      }
      expect(await sealLag(own.app, 100)).toMatchObject({ entries: 8 });
      expect(await sealLag(own.app, 3)).toMatchObject({ entries: 3 });
      await withTransaction(own.appPool, (tx) => sealStep(tx, 3));
      await withTransaction(own.appPool, (tx) => sealStep(tx, 1));
      await seal(own);
      expect(await places(own)).toEqual(['1', 't', '2', 't', '3', 't', '4', 't']);
      const report = await verifyLedger({ pool: own.appPool });
      expect(report).toMatchObject({ audit_entries: 4, log_size: 8, unsealed: 0 });
      // These postings have no events; all else holds.
      expect(report.checks.filter(({ fault }) => fault !== null).map(({ name }) => name)).toEqual(['events']);
    } finally {
      await own.drop();
    }
  });

  it('waits for an older one that commits late, which is never skipped', async () => {
    const own = await createTestDatabase();
    try {
      await withTransaction(own.appPool, async (tx) => {
        await insertAudit(tx, ENTRY);
        expect(await note(own)).toBe(2n);
        expect(await withTransaction(own.appPool, (other) => sealStep(other, 10))).toEqual({ lookedAt: 0, size: 0 });
      });
      await seal(own);
      expect(await places(own)).toEqual(['1', '2']);
    } finally {
      await own.drop();
    }
  });

  it('is kept after a move to another server, whose numbers begin anew', async () => {
    const own = await createTestDatabase();
    try {
      await note(own);
      await seal(own);
      await note(own);
      await own.sql.query(
        `set session_replication_role = replica;
         update postern.audit_log set xact = (xact::text::bigint + 1000000)::text::xid8;
         update postern.sealing set audit_xact = '5000000', xact = '5000000';
         set session_replication_role = origin`,
      );
      expect(await sealFound(own.app)).toBe(1);
      expect(await sealFound(own.app)).toBe(0);
      await note(own);
      await seal(own);
      expect(await places(own)).toEqual(['1', '2', '3']);
      // A number of the old server comes again on the new one: what has it is sealed already, and is passed over.
      await own.sql.query(
        `set session_replication_role = replica;
         update postern.audit_log set xact = pg_current_xact_id() where id = 2;
         set session_replication_role = origin`,
      );
      await note(own);
      await seal(own);
      expect(await places(own)).toEqual(['1', '2', '3', '4']);
      expect(await verifyLedger({ pool: own.appPool })).toMatchObject({ ok: true, log_size: 4 });
    } finally {
      await own.drop();
    }
  });
});

describe('the leaf of an audit entry', () => {
  it.each<[string, AuditEntry]>([
    ['plain', ENTRY],
    ['without a reason', { actor: 'system', action: 'a', subject: 's' }],
    [
      'with details in any order, numbers as they were told and every kind of text',
      {
        actor: 'cli:zoë "\\',
        action: 'ünï.code',
        subject: 'line\nbreak',
        reason: '',
        details: { zz: 1.5, a: [1e21, 0.1, '\u0001 ☃ 𝄞'], b: { c: null, aaa: true }, '': 'x' },
      },
    ],
  ])('is the same made by Postgres and without it: %s', async (_, entry) => {
    const id = await note(database, entry);
    await seal(database);
    const sealed = await selectSealedAuditEntry(database.app, id);
    if (sealed === null) throw new Error('not sealed');
    expect(auditLeafHashOf(sealed.entry).toString('hex')).toBe(sealed.leafHash);
  });

  it('is another when any field is', async () => {
    const id = await note(database, { ...ENTRY, details: { a: 1 } });
    await seal(database);
    const sealed = await selectSealedAuditEntry(database.app, id);
    if (sealed === null) throw new Error('not sealed');
    const { entry } = sealed;
    const others = [
      { ...entry, id: '999' },
      { ...entry, at: '2026-03-05T12:00:00.000001Z' },
      { ...entry, actor: 'cli:other' },
      { ...entry, action: 'endpoint.delete' },
      { ...entry, subject: 'endpoint:2' },
      { ...entry, reason: null },
      { ...entry, reason: '' },
      { ...entry, details: null },
      { ...entry, details: '{"a":1}' },
      // A boundary between fields moved.
      { ...entry, actor: `${entry.actor}e`, action: entry.action.slice(1) },
    ];
    const hashes = [entry, ...others].map((one) => auditLeafHashOf(one).toString('hex'));
    expect(hashes[0]).toBe(sealed.leafHash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('a proof of an audit entry', () => {
  async function proofOf(id: bigint): Promise<AuditProof> {
    const found = await proveAuditEntry(parts(database), id, null);
    if (found.kind !== 'proof') throw new Error(found.kind);
    const proof = parseProof(JSON.stringify(found.proof));
    if (!('audit_entry' in proof)) throw new Error('of a transaction');
    return proof;
  }

  it('holds without a database, and not when anything in it was changed', async () => {
    await note(database);
    const id = await note(database, { ...ENTRY, details: { secrets: 1 } });
    await seal(database);
    await signNow(parts(database));
    const proof = await proofOf(id);
    expect(faultOfProof(proof)).toBeNull();
    const { audit_entry: entry } = proof;
    expect(faultOfProof({ ...proof, audit_entry: { ...entry, actor: 'cli:other' } })).toMatch(
      /^the audit entry and its path lead to another root/,
    );
    expect(faultOfProof({ ...proof, audit_entry: { ...entry, id: 'one' } })).toMatch(/cannot be read/);
    expect(faultOfProof({ ...proof, index: proof.index - 1 })).not.toBeNull();
  });

  it('cannot speak of a transaction as well: what is shown must be what was checked', async () => {
    const id = await note(database);
    await seal(database);
    await signNow(parts(database));
    const proof = await proofOf(id);
    const both = { ...proof, transaction: { id: 'x', lines: [] } };
    expect(() => parseProof(JSON.stringify(both))).toThrow(/no proof/);
  });

  it('is not made of what is not sealed', async () => {
    const id = await note(database);
    expect(await proveAuditEntry(parts(database), id, null)).toEqual({ kind: 'not_sealed' });
    expect(await proveAuditEntry(parts(database), 999_999n, null)).toEqual({ kind: 'not_sealed' });
    await seal(database);
    expect(await proveAuditEntry(parts(database), id, 1_000_000)).toEqual({ kind: 'no_such_head' });
  });
});
