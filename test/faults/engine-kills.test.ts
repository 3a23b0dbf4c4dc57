import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorld } from '../../src/simulate/world/world.ts';
import { AT, bankLine, captured, derivedDifferences, eur, line } from '../ledger/books.ts';
import { createEngineWorld } from '../reconcile/engine-world.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { type Launched, launch } from '../support/launcher.ts';
import { type Reconciled, reconciled, untilReconciled } from '../support/reconciled.ts';
import { createStops, type Stop } from '../support/stops.ts';
import { TEST_KEYS } from '../support/test-keys.ts';
import { openWorldBooks } from '../support/world-books.ts';

const DAY_MS = 86_400_000;
/** Past the windows of payments and payouts, and far from those of disputes and reserves: which day it is changes nothing. */
const BEGAN_DAYS_AGO = 40;

/** In the order in which a turn comes to them; some only in a soak. */
const PASSES: readonly (Stop & { readonly pass: string; readonly soak?: true })[] = [
  { pass: 'learns the settings', soak: true, table: 'reconciled_accounts', on: 'insert' },
  { pass: 'takes what moved', table: 'reconciling', on: 'update' },
  { pass: 'finds what was late', table: 'discrepancies', on: 'insert', when: `new.class = 'late_settlement'` },
  { pass: 'drops what netted', table: 'residue', on: 'delete' },
  { pass: 'notes what is open', soak: true, table: 'residue', on: 'insert', when: 'new.matched = 0' },
  { pass: 'clears what netted', table: 'discrepancies', on: 'update', when: `new.status = 'auto_cleared'` },
  { pass: 'takes keys', soak: true, table: 'residue_keys', on: 'delete' },
  { pass: 'takes a match back', table: 'transactions', on: 'insert', when: 'new.reverses is not null' },
  { pass: 'posts a match', table: 'transactions', on: 'insert', when: `new.kind = 'match.allocated'` },
  { pass: 'suggests', soak: true, table: 'suggestions', on: 'insert' },
  { pass: 'posts a line of the bank', table: 'transactions', on: 'insert', when: `new.kind = 'bank.line'` },
  { pass: 'notes whose a line of the bank is', soak: true, table: 'bank_lines', on: 'update' },
  { pass: 'matches the bank', table: 'matches', on: 'insert', when: `new.pass = 'amount_and_window'` },
  { pass: 'adds matches up', soak: true, table: 'residue', on: 'insert', when: 'new.matched <> 0' },
  { pass: 'judges payouts', table: 'discrepancies', on: 'insert', when: `new.class = 'unidentified_bank_credit'` },
  { pass: 'observes files', table: 'discrepancies', on: 'insert', when: `new.class = 'duplicate_file'` },
  { pass: 'notes files as observed', soak: true, table: 'observed_imports', on: 'insert' },
  { pass: 'judges payments', table: 'discrepancies', on: 'insert', when: `new.class = 'missing_in_ledger'` },
  { pass: 'writes how payments were judged', table: 'residue', on: 'update', when: `new.class = 'missing_in_ledger'` },
];
const COMMIT: Stop = { table: 'reconciling', on: 'commit' };

let told: TestDatabase;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-engine-kills-'));
  told = await createTestDatabase();
  await tell(told);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await told.drop();
});

/** A world of which half was reconciled before, so that the other half nets, matches and takes back what it found. */
async function tell(database: TestDatabase): Promise<void> {
  const start = new Date(Date.now() - BEGAN_DAYS_AGO * DAY_MS).toISOString().slice(0, 10);
  const world = createWorld({
    seed: 'kills',
    start,
    livesPerDay: 6,
    accounts: [
      {
        provider: 'adyen',
        faults: ['amount_off', 'lost_event', 'not_settled', 'settled_late', 'bank_unnamed', 'bank_short', 'file_twice'],
      },
      {
        provider: 'stripe',
        faults: ['part_not_settled', 'wrong_sign', 'unknown_kind', 'payout_reversed', 'bank_unknown'],
      },
    ],
  });
  const books = await openWorldBooks(database, world);
  const engine = createEngineWorld(database, AT);
  const hand = await engine.open({ bank_account: 'main' });
  const charge = (id: string, order: string) =>
    hand.settle(line('charge', `l-${id}`, { reference: id, gross: 1_000n }), { merchant: order });
  try {
    await books.tellEvents();
    await books.importReports({ joined: 1, order: (files) => files.slice(0, 5) });
    await hand.announce(captured('p1', 1_000n), { merchant: 'order 1' });
    await charge('x1', 'order 1');
    await charge('x3', 'order 3');
    await hand.bank({ ...bankLine('b', 'b1', 900n), at: AT + DAY_MS }, 'STRIPE PAYOUT PO-KILLED X', false);
    await books.reconcile();

    await books.importReports({ joined: 1, order: (files) => files.slice(5) });
    await books.importStatements();
    await charge('y1', 'order 1');
    await hand.announce(captured('p2', 1_000n), { merchant: 'order 2' });
    await charge('x2', 'order 2');
    await hand.announce(captured('x3', 1_000n));
    await hand.announce({ type: 'payout.created', payout: 'po_killed', key: 'po_killed:created', ...eur(900n) });
  } finally {
    await books.stop();
    await engine.reconciler.stop();
  }
  // What another database's transaction keeps back of it now would be looked at in a turn of its own.
  await eventually(
    async () => {
      const { rows } = await database.sql.query(
        'select from postern.transactions t where t.xact >= pg_snapshot_xmin(pg_current_snapshot())',
      );
      expect(rows).toEqual([]);
    },
    { timeoutMs: 60_000 },
  );
}

const work = (database: TestDatabase): Launched =>
  launch(['work'], { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, POSTERN_ENCRYPTION_KEYS: TEST_KEYS });

async function workToTheEnd(database: TestDatabase): Promise<void> {
  const { child, ended } = work(database);
  try {
    await untilReconciled(database);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toMatchObject({ status: 0 });
}

it('comes to the same, killed in each of its passes and as it commits', { timeout: 240_000 }, async () => {
  const [undisturbed, killed] = [await createTestDatabase({ like: told }), await createTestDatabase({ like: told })];
  const stops = await createStops(killed);
  const made = ({ items: _, ...rest }: Reconciled) => rest;
  try {
    const first = made(await reconciled(killed));
    for (const { pass, soak, ...stop } of PASSES) {
      if (soak === true && process.env.POSTERN_SOAK === undefined) continue;
      await stops.killAt(stop, () => work(killed));
      // But for the items, which the settings of accounts may have stirred before.
      expect(made(await reconciled(killed)), `killed where it ${pass}`).toEqual(first);
    }
    await stops.killAt(COMMIT, () => work(killed));
    await workToTheEnd(killed);
    await workToTheEnd(undisturbed);
    const expected = await reconciled(undisturbed);
    expect(await reconciled(killed)).toEqual(expected);
    expect(await derivedDifferences(killed)).toEqual([]);
    expect(expected.matches?.length).toBeGreaterThan(3);
  } finally {
    await stops.end();
    await Promise.all([undisturbed.drop(), killed.drop()]);
  }
});
