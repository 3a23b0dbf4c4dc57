import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseKeyring } from '../../src/encryption.ts';
import { addHeads, lastHeadIn } from '../../src/ledger/head-file.ts';
import { signNow } from '../../src/ledger/heads.ts';
import { leafHashOf } from '../../src/ledger/leaf.ts';
import { logSize, oldestWriter, sealFound, sealLag, sealStep, selectSealed } from '../../src/ledger/log-store.ts';
import { subtreeRoot } from '../../src/ledger/log-tree.ts';
import { rootOf } from '../../src/ledger/merkle.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { faultOfProof, type InclusionProof, isHeld, parseProof, proveInclusion } from '../../src/ledger/proof.ts';
import { createSealer } from '../../src/ledger/sealer.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import { headText, type TreeHeadText } from '../../src/ledger/tree-head.ts';
import { createMetrics } from '../../src/metrics.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { seal } from '../support/sealed.ts';
import { AT, captured, openBooks } from './books.ts';

const keyring = parseKeyring(`test:${Buffer.alloc(32, 7).toString('base64')}`);
const clock = { now: () => AT };

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-heads-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const metrics = createMetrics({ process: false });
const sealerOn = (on: TestDatabase) => createSealer({ pool: on.appPool, keyring, folder, clock, log: on.log, metrics });
/** Seals and signs all that is there. */
async function sealAll(on: TestDatabase): Promise<void> {
  await seal(on);
  await sealerOn(on).sealAll();
}
const parts = (on: TestDatabase) => ({ sql: on.app, keyring, clock });

async function sealedIds(on: TestDatabase): Promise<string[]> {
  const { rows } = await on.app.query<{ transaction_id: string; seq: bigint }>(
    'select seq, transaction_id from postern.seal order by seq',
  );
  expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, n) => n));
  return rows.map((row) => row.transaction_id);
}

/** A payment under an id of its own; its transaction's id. */
async function postOne(on: TestDatabase, payment = uuidv7(AT)): Promise<string> {
  const [result] = await openBooks(on).post([captured(payment, 12_345n)]);
  if (result?.kind !== 'posted') throw new Error(`not posted: ${JSON.stringify(result)}`);
  return result.transactions[0] ?? '';
}

describe('the order of the log', () => {
  it('is that of the commits: one that commits late is waited for, and never skipped', async () => {
    const own = await createTestDatabase();
    try {
      const ledger = createLedger({ clock });
      const post = (payment: string) => ({
        source: fromEvent(uuidv7(AT)),
        provider: 'test',
        account: 'late',
        marketplace: null,
        events: [captured(payment, 5n)],
      });
      // Accounts and balances come first, or the early one would hold up the other's posting.
      await own.sql.query(
        `select postern.ledger_open_accounts('{asset:processor_pending:test:late,income:revenue}', '{asset,income}', '{t,f}')`,
      );
      let late = '';
      let early = '';
      await withTransaction(own.appPool, async (tx) => {
        await tx.query('select pg_current_xact_id()');
        await withTransaction(own.appPool, async (other) => {
          const [result] = await ledger.post(other, [post('early')]);
          early = result?.kind === 'posted' ? (result.transactions[0] ?? '') : '';
        });
        // `early` is committed and visible, but what is older than it still runs.
        expect(await withTransaction(own.appPool, (t) => sealStep(t, 10))).toEqual({ lookedAt: 0, size: 0 });
        expect(await sealLag(own.app, 10)).toMatchObject({ entries: 1 });
        // It is the server's oldest: other files' transactions may be older for a moment.
        await eventually(async () => expect(await oldestWriter(own.app)).toMatchObject({ name: 'test' }));
        const [result] = await ledger.post(tx, [post('late')]);
        late = result?.kind === 'posted' ? (result.transactions[0] ?? '') : '';
      });
      await seal(own);
      expect(await sealedIds(own)).toEqual([late, early]);
      expect(await sealLag(own.app, 10)).toEqual({ entries: 0, seconds: 0 });
    } finally {
      await own.drop();
    }
  });

  it('has every transaction once, though several seal at once while others post', async () => {
    const own = await createTestDatabase();
    try {
      const sealers = [1, 2, 3].map(() => sealerOn(own));
      let posting = true;
      const posted = Promise.all(
        [1, 2, 3].map(async () => Promise.all([1, 2, 3, 4, 5].map(() => postOne(own)))),
      ).finally(() => {
        posting = false;
      });
      while (posting) await Promise.all(sealers.map((sealer) => sealer.sealAll()));
      const ids = (await posted).flat();
      await seal(own);
      expect((await sealedIds(own)).sort()).toEqual(ids.sort());
    } finally {
      await own.drop();
    }
  });

  it('has no place for what was rolled back', async () => {
    const before = await logSize(database.app);
    await expect(
      withTransaction(database.appPool, async (tx) => {
        await createLedger({ clock }).post(tx, [
          {
            source: fromEvent(uuidv7(AT)),
            provider: 'test',
            account: 'undone',
            marketplace: null,
            events: [captured('p', 5n)],
          },
        ]);
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
    await sealAll(database);
    expect(await logSize(database.app)).toBe(before);
  });

  it('goes on after the database moved to another server, whose numbers begin anew', async () => {
    const own = await createTestDatabase();
    try {
      const first = await postOne(own);
      await sealAll(own);
      const second = await postOne(own);
      // As a restore leaves it: rows with numbers that this server has yet to give, and a place beyond them.
      await own.sql.query(`set session_replication_role = replica`);
      await own.sql.query(`update postern.transactions set xact = (xact::text::bigint + 1000000)::text::xid8`);
      await own.sql.query(`update postern.sealing set xact = '5000000'`);
      await own.sql.query(`set session_replication_role = origin`);
      expect(await sealFound(own.app)).toBe(1);
      expect(await sealFound(own.app)).toBe(0);
      const third = await postOne(own);
      await sealAll(own);
      expect(await sealedIds(own)).toEqual([first, second, third]);
    } finally {
      await own.drop();
    }
  });
});

describe('a leaf', () => {
  it('is the same made by Postgres and without it, whatever the fields hold', async () => {
    const own = await createTestDatabase();
    try {
      const event = uuidv7(AT);
      await own.sql.query(
        `insert into postern.events (id, delivery_id, received_at, endpoint_id, item, event_id, body_sha256, type, account)
         values ($1, $1, now(), 1, 0, 'evt', sha256('body'), 't', 'a')`,
        [event],
      );
      await own.app.query(
        `select postern.ledger_open_accounts('{asset:processor_pending:t:ünï,income:revenue}', '{asset,income}', '{t,f}')`,
      );
      const record = `select * from postern.ledger_record($1, $2, $3, '{k}', $4, '{Pacific/Kiritimati}', '{32767}', '{null}',
        $5, $6, $7, $8, $9, '{0,1}', $10, '{KWD,KWD}', '{9223372036854775807,-9223372036854775807}', $11, '{fee,null}')`;
      const { rows } = await own.app.query<{ id: number }>('select id from postern.accounts order by path');
      const accounts = rows.map(({ id }) => id);
      const ids: string[] = [];
      for (const [n, at] of [
        '2026-03-05T12:00:00.123456Z',
        '0044-01-01T00:00:00Z',
        '9998-12-31T23:59:59.999999Z',
      ].entries()) {
        const id = uuidv7(AT + n);
        ids.push(id);
        await own.app.query(record, [
          [id],
          [`t:ünï:${n}`],
          [Buffer.from('00ff7f', 'hex')],
          [at],
          [n === 0 ? event : null],
          [n === 1 ? uuidv7(AT) : null],
          [n === 2 ? uuidv7(AT) : null],
          [n === 2 ? '{"actor":"zoë \\u0001"}' : null],
          [id, id],
          accounts,
          [`pay "${n}"\n\\`, null],
        ]);
      }
      await sealAll(own);
      for (const id of ids) {
        const sealed = await selectSealed(own.app, id);
        expect(sealed).not.toBeNull();
        if (sealed === null) continue;
        expect(leafHashOf(sealed.transaction).toString('hex')).toBe(sealed.leafHash);
      }
      const first = await selectSealed(own.app, ids[0] ?? '');
      // Of the body, for good: it can be proved when the event's bytes are gone.
      expect(first?.transaction.source_sha256).toBe('230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5');
      expect(first?.transaction.accounting_date).toBe('2026-03-06');
    } finally {
      await own.drop();
    }
  });

  it('is another when any field is', async () => {
    const id = await postOne(database);
    await sealAll(database);
    const sealed = await selectSealed(database.app, id);
    if (sealed === null) throw new Error('not sealed');
    const { transaction } = sealed;
    const right = leafHashOf(transaction).toString('hex');
    expect(right).toBe(sealed.leafHash);
    const [line] = transaction.lines;
    if (line === undefined) throw new Error('no lines');
    const others = [
      { ...transaction, id: uuidv7(AT) },
      { ...transaction, effect_key: `${transaction.effect_key}x` },
      { ...transaction, content: '00' },
      { ...transaction, kind: 'other' },
      { ...transaction, effective_at: '2026-03-05T12:00:00.000001Z' },
      { ...transaction, recorded_at: '2026-03-05T12:00:00.000001Z' },
      { ...transaction, accounting_date: '2026-03-06' },
      { ...transaction, rule_version: 99 },
      { ...transaction, reverses: transaction.id },
      { ...transaction, source_event: null },
      { ...transaction, source_sha256: '00' },
      { ...transaction, source_line: transaction.id },
      { ...transaction, source_request: transaction.id },
      { ...transaction, cause: '' },
      { ...transaction, lines: [] },
      { ...transaction, lines: transaction.lines.toReversed() },
      ...[
        { line: 9 },
        { account: 'income:other' },
        { currency: 'USD' },
        { amount: '1' },
        { reference: null },
        { component: null },
      ].map((change) => ({ ...transaction, lines: [{ ...line, ...change }, ...transaction.lines.slice(1)] })),
    ];
    const hashes = others.map((other) => leafHashOf(other).toString('hex'));
    expect(hashes).not.toContain(right);
    expect(new Set(hashes).size).toBe(others.length);
  });
});

describe('whole subtrees', () => {
  it('give the root of any size, over several steps', async () => {
    const own = await createTestDatabase();
    try {
      await openBooks(own).post(...Array.from({ length: 700 }, (_, n) => [captured(`p${n}`, 5n)]));
      for (const most of [1, 254, 1, 1, 300]) await withTransaction(own.appPool, (tx) => sealStep(tx, most));
      await seal(own);
      const { rows } = await own.app.query<{ leaf_hash: Buffer }>('select leaf_hash from postern.seal order by seq');
      const leaves = rows.map((row) => row.leaf_hash);
      expect(leaves).toHaveLength(700);
      for (const size of [1, 2, 255, 256, 257, 511, 512, 513, 700])
        expect(await subtreeRoot(own.app, 0, size)).toEqual(rootOf(leaves.slice(0, size)));
      expect((await own.app.query('select from postern.seal_nodes')).rowCount).toBe(2);
      await expect(subtreeRoot(own.app, 0, 701)).rejects.toThrow(/the log lacks hashes/);
    } finally {
      await own.drop();
    }
  });
});

describe('a proof of inclusion', () => {
  async function proofOf(id: string, treeSize: number | null = null): Promise<InclusionProof> {
    const found = await proveInclusion(parts(database), id, treeSize);
    if (found.kind !== 'proof') throw new Error(found.kind);
    const proof = parseProof(JSON.stringify(found.proof));
    if (!('transaction' in proof)) throw new Error('of an audit entry');
    return proof;
  }

  it('holds without a database, under the head that covers it and under one that is held', async () => {
    const id = await postOne(database);
    await sealAll(database);
    const proof = await proofOf(id);
    expect(faultOfProof(proof)).toBeNull();
    await postOne(database);
    await sealAll(database);
    const newest = await signNow(parts(database));
    if (newest === null) throw new Error('nothing is sealed');
    const held = headText(newest.head, newest.publicKey);
    const later = await proofOf(id, held.size);
    expect(faultOfProof(later)).toBeNull();
    expect(isHeld(later, [held])).toBe(true);
    expect(isHeld(later, [{ ...held, root: '00'.repeat(32) }])).toBe(false);
    expect(isHeld(proof, [held])).toBeNull();
  });

  it('is refused when anything in it was changed', async () => {
    const id = await postOne(database);
    await postOne(database);
    await sealAll(database);
    const proof = await proofOf(id);
    const { transaction, tree_head: head, path } = proof;
    const lines = transaction.lines.map((line, n) => (n === 0 ? { ...line, amount: '12346' } : line));
    expect(faultOfProof({ ...proof, transaction: { ...transaction, lines } })).toMatch(/another root/);
    expect(faultOfProof({ ...proof, transaction: { ...transaction, recorded_at: 'yesterday' } })).toMatch(/not a time/);
    expect(faultOfProof({ ...proof, index: proof.index - 1 })).not.toBeNull();
    expect(faultOfProof({ ...proof, path: path.slice(1) })).not.toBeNull();
    expect(faultOfProof({ ...proof, path: ['00', ...path.slice(1)] })).toMatch(/no hash/);
    for (const bent of [
      { ...head, size: head.size + 1 },
      { ...head, root: '00'.repeat(32) },
      { ...head, signed_at: '2027-01-01T00:00:00.000Z' },
      { ...head, key_id: 'other' },
      { ...head, public_key: 'AAAA' },
      { ...head, signature: 'AAAA' },
    ] satisfies TreeHeadText[])
      expect(faultOfProof({ ...proof, tree_head: bent })).toMatch(/not signed/);
  });

  it('is not made of what is not sealed, nor under a head that does not cover it', async () => {
    const id = await postOne(database);
    expect(await proveInclusion(parts(database), id, null)).toEqual({ kind: 'not_sealed' });
    expect(await proveInclusion(parts(database), uuidv7(AT), null)).toEqual({ kind: 'not_sealed' });
    await sealAll(database);
    expect(await proveInclusion(parts(database), id, 1)).toEqual({ kind: 'no_such_head' });
    expect(await proveInclusion(parts(database), id, 1_000_000)).toEqual({ kind: 'no_such_head' });
  });

  it('is not read from what is none', () => {
    for (const text of ['', '[]', 'null', '{}', '{"index":0,"path":[],"tree_head":{},"transaction":{"lines":[]}}'])
      expect(() => parseProof(text)).toThrow(/proof/);
  });
});

describe('the file of signed heads', () => {
  const linesIn = () =>
    readdirSync(folder)
      .sort()
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '');

  it('has each head once, also those that were not written before a crash, and a line cut off spoils no other', async () => {
    const own = await createTestDatabase();
    try {
      await postOne(own);
      await sealAll(own);
      await sealAll(own);
      expect(linesIn()).toHaveLength(1);
      await postOne(own);
      await sealAll(own);
      const [name = ''] = readdirSync(folder);
      // A crash in the middle of the second line, and a head that another instance signed meanwhile.
      truncateSync(join(folder, name), readFileSync(join(folder, name)).length - 20);
      await postOne(own);
      await seal(own);
      await signNow(parts(own));
      expect(await lastHeadIn(folder)).toBe(1);
      await sealAll(own);
      const heads = linesIn().flatMap((line) => {
        try {
          return [(JSON.parse(line) as TreeHeadText).size];
        } catch {
          return [];
        }
      });
      expect(heads).toEqual([1, 2, 3]);
      expect(await lastHeadIn(folder)).toBe(3);
    } finally {
      await own.drop();
    }
  });

  it('begins anew each month, and the last head of all counts', async () => {
    const head = { size: 4, root: 'r', key_id: 'k', signature: 's', public_key: 'p' };
    await addHeads(folder, [
      { ...head, signed_at: '2026-11-30T23:59:59.000Z' },
      { ...head, size: 5, signed_at: '2026-12-01T00:00:00.000Z' },
    ]);
    expect(readdirSync(folder).sort()).toEqual(['tree-heads-2026-11.jsonl', 'tree-heads-2026-12.jsonl']);
    expect(await lastHeadIn(folder)).toBe(5);
    expect(await lastHeadIn(join(folder, 'nowhere'))).toBe(0);
  });
});

describe('the lag that is told', () => {
  it('is told also where nothing can be sealed at all', async () => {
    const own = await createTestDatabase();
    const told = createMetrics({ process: false });
    const sealer = createSealer({ pool: own.appPool, keyring, folder, clock, log: own.log, metrics: told });
    try {
      await postOne(own);
      await own.sql.query('revoke execute on function postern.ledger_seal from postern_app, public');
      sealer.start();
      await expect
        .poll(async () => (await told.unsealedTransactions.get()).values[0]?.value, { timeout: 5_000 })
        .toBe(1);
    } finally {
      await sealer.stop();
      await own.drop();
    }
  });
});
