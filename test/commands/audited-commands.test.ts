import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandContext } from '../../src/commands/context.ts';
import { createProgram } from '../../src/main.ts';
import { captured, openBooks } from '../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Ended, run } from '../support/launcher.ts';

/** Commands that only look, and those that run until they are told to stop: what happens there is somebody else's doing. */
const LOOKS = [
  'audit export',
  'audit list',
  'audit show',
  'doctor',
  'endpoint list',
  'endpoint secrets',
  'events groups',
  'events list',
  'events show',
  'explain',
  'ledger balance',
  'ledger export',
  'ledger rederive',
  'ledger verify',
  'quarantine groups',
  'quarantine list',
  'quarantine show',
  'queue list',
  'queue stats',
  'replays list',
  'replays show',
  'report discrepancies',
  'report settlement',
  'serve',
  'settlement list',
  'settlement show',
  'start',
  'token list',
  'vectors',
  'work',
];

type Made = { secret: string; token: string; posted: string };
type Change = {
  readonly args: (made: Made) => string[];
  readonly action: string;
  readonly keep?: (out: string) => Partial<Made>;
};

/** Each leaves its entry, in this order: later ones stand on what earlier ones made. */
const CHANGES: Readonly<Record<string, Change>> = {
  'endpoint add': {
    args: () => [
      'endpoint',
      'add',
      'stripe',
      'walked',
      '--secret',
      'whsec_walked_through_it',
      '--setting',
      'api_key=rk_test_walked',
    ],
    action: 'endpoint.create',
  },
  'endpoint rotate': {
    args: () => ['endpoint', 'rotate', 'stripe', 'walked', '--secret', 'whsec_walked_through_next'],
    action: 'secret.rotate',
  },
  'endpoint remove-secret': {
    args: ({ secret }) => ['endpoint', 'remove-secret', 'stripe', 'walked', secret, '--force'],
    action: 'secret.delete',
  },
  'token create': {
    args: () => ['token', 'create', '--name', 'walked', '--role', 'monitor', '--json'],
    action: 'token.create',
    keep: (out) => ({ token: String((JSON.parse(out) as { id: string }).id) }),
  },
  'token revoke': { args: ({ token }) => ['token', 'revoke', token], action: 'token.revoke' },
  'queue pause': { args: () => ['queue', 'pause', 'events', '--reason', 'a bad release'], action: 'queue.pause' },
  'queue resume': { args: () => ['queue', 'resume', 'events', '--reason', 'rolled back'], action: 'queue.resume' },
  'ledger reverse': {
    args: ({ posted }) => ['ledger', 'reverse', posted, '--reason', 'posted twice'],
    action: 'ledger.reverse',
  },
  'ledger rebuild': { args: () => ['ledger', 'rebuild'], action: 'ledger.rebuild' },
};

/** Proved by tests of their own, or by what they call: a route above, or the migration's own test below. */
const ELSEWHERE = [
  'backfill',
  'bank import',
  'events dismiss',
  'events replay',
  'migrate',
  'quarantine recheck',
  'queue drain',
  'replay',
  'replays cancel',
  'settlement fetch',
  'settlement import',
  'simulate',
];

let database: TestDatabase;
let folder: string;
let made: Made;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
  const [result] = await openBooks(database).post([captured('walked', 500n)]);
  if (result?.kind !== 'posted') throw new Error('not posted');
  made = { secret: '', token: '', posted: result.transactions[0] ?? '' };
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const postern = (args: readonly string[], on: TestDatabase = database): Promise<Ended> =>
  run(args, { DATABASE_URL: on.url, POSTERN_DATA_DIR: folder });

async function entries(on: TestDatabase): Promise<{ action: string; actor: string; details: unknown }[]> {
  const { rows } = await on.sql.query<{ action: string; actor: string; details: unknown }>(
    'select action, actor, details from postern.audit_log order by id',
  );
  return rows;
}

/** The names of all commands that do something, as `endpoint add`. */
function leaves(command: Command, path: readonly string[] = []): string[] {
  if (command.commands.length === 0) return [path.join(' ')];
  return command.commands.flatMap((one) => leaves(one, [...path, one.name()]));
}

it('every command is known to look only, or to leave an entry', async () => {
  const program = await createProgram({} as CommandContext);
  expect(leaves(program).sort()).toEqual([...LOOKS, ...Object.keys(CHANGES), ...ELSEWHERE].sort());
});

describe('a command that changes something leaves one entry with its user', () => {
  it.each(Object.entries(CHANGES))('%s', async (name, { args, action, keep }) => {
    if (name === 'endpoint remove-secret') made = { ...made, secret: await oldestSecret() };
    const before = (await entries(database)).length;
    const { status, out, err } = await postern(args(made));
    expect({ status, err }).toEqual({ status: 0, err: '' });
    if (keep !== undefined) made = { ...made, ...keep(out) };
    expect((await entries(database)).slice(before)).toEqual([
      {
        action,
        actor: expect.stringMatching(/^cli:.+/),
        details: expect.toSatisfy((details: unknown) => !JSON.stringify(details).includes('whsec_')),
      },
    ]);
  });
});

it('who migrated a database is in its log, with what was applied; and not where there was nothing to do', async () => {
  const own = await createTestDatabase({ migrated: false });
  try {
    expect(await postern(['migrate'], own)).toMatchObject({ status: 0 });
    expect(await postern(['migrate'], own)).toMatchObject({ status: 0 });
    const found = await entries(own);
    expect(found).toMatchObject([
      { action: 'database.migrate', actor: expect.stringMatching(/^cli:.+/), details: { applied: expect.any(Array) } },
    ]);
    expect(JSON.stringify(found)).toContain('0001-foundation.sql');
  } finally {
    await own.drop();
  }
});

async function oldestSecret(): Promise<string> {
  const { rows } = await database.sql.query<{ id: string }>(
    'select id from postern.endpoint_secrets order by created_at, id limit 1',
  );
  return rows[0]?.id ?? '';
}
