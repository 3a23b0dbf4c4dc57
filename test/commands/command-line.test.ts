import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandContext } from '../../src/commands/context.ts';
import { createProgram } from '../../src/main.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Ended, run, runHere } from '../support/launcher.ts';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

function postern(args: readonly string[], input = ''): Promise<Ended> {
  return run(args, { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, LOG_LEVEL: 'info' }, input);
}

async function json(args: readonly string[], input = ''): Promise<Record<string, unknown>> {
  const { status, out, err } = await postern([...args, '--json'], input);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return JSON.parse(out) as Record<string, unknown>;
}

const ONE_LINE = /^postern: [^\n]+\n$/;

describe('wrong use', () => {
  it.each([
    ['an unknown command', ['evnts']],
    ['an unknown option', ['events', 'list', '--stat', 'dead']],
    ['a missing argument', ['endpoint', 'add', 'stripe']],
    ['an unknown provider', ['endpoint', 'add', 'strype', 'main']],
    ['an unknown role', ['token', 'create', '--name', 'x', '--role', 'root']],
    ['an unknown status', ['events', 'list', '--status', 'lost']],
    ['a dismissal without a reason', ['events', 'dismiss', '--status', 'dead']],
    ['a dismissal with an empty reason', ['events', 'dismiss', '--status', 'dead', '--reason', ' ']],
    ['a dismissal of nothing named', ['events', 'dismiss', '--reason', 'x']],
    ['a dismissal of one and of many', ['events', 'dismiss', 'evt_1', '--type', 'x', '--reason', 'x']],
    ['a dismissal of what is posted', ['events', 'dismiss', '--status', 'posted', '--reason', 'x']],
    ['a dismissal of what waits', ['events', 'dismiss', '--waiting-for', 'object', '--reason', 'x']],
    ['groups of what is posted', ['events', 'groups', '--status', 'posted']],
    ['an amount with a fraction', ['events', 'list', '--amount', '19.99']],
    ['something nothing waits for', ['events', 'list', '--waiting-for', 'rain']],
    ['a currency in small letters', ['events', 'list', '--currency', 'eur']],
    ['a reversal without a reason', ['ledger', 'reverse', '0199f3c2-7a10-7c44-9c5e-3f1b2a6d8e90']],
    ['a reversal with an empty reason', ['ledger', 'reverse', '0199f3c2-7a10-7c44-9c5e-3f1b2a6d8e90', '--reason', ' ']],
    ['a day that is none', ['ledger', 'balance', '--at', '2026-02-31']],
    ['a format nobody reads', ['ledger', 'export', '--format', 'xlsx']],
    ['an export without a format', ['ledger', 'export']],
    ['a time where a day is wanted', ['ledger', 'export', '--format', 'csv', '--from', '2026-01-31T12:00:00Z']],
    ['a number of differences that is none', ['ledger', 'rederive', '--max', '-1']],
    ['a time without its zone', ['events', 'list', '--from', '2026-01-31T12:00:00']],
    ['a limit out of range', ['events', 'list', '--limit', '0']],
    ['a queue that is none', ['queue', 'pause', 'evnts', '--reason', 'x']],
    ['a pause without a reason', ['queue', 'pause', 'events']],
    ['a pause with an empty reason', ['queue', 'pause', 'events', '--reason', ' ']],
    ['a drain that never waits', ['queue', 'drain', 'events', '--within', '0m']],
    ['too many arguments', ['migrate', 'now']],
  ])('is one line and exit status 2: %s', async (_what, args) => {
    const { status, out, err } = await runHere(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(ONE_LINE);
  });

  it('is so of the process, too', async () => {
    const { status, out, err } = await run(['evnts']);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(ONE_LINE);
  });

  it('shows the commands where none is named', async () => {
    const { status, err } = await run([]);
    expect(status).toBe(2);
    expect(err).toContain('endpoint');
  });
});

describe('--help', () => {
  it('of every command and group has an example that names it, and its options', async () => {
    const program = await createProgram({} as CommandContext);
    const seen = everyCommand(program).map(({ name, command }) => {
      const help = helpOf(command);
      expect(help, name).toMatch(/Examples?:\n\s+([A-Z_]+=\S+ )*npx postern /);
      expect(help, name).toMatch(new RegExp(`npx postern( .*)?${name}`));
      expect(help, name).toContain('--json');
      expect(command.description(), name).not.toBe('');
      for (const option of command.options) expect(option.description, `${name} ${option.flags}`).not.toBe('');
      return name;
    });
    expect(seen).toEqual(expect.arrayContaining(['start', 'events list', 'replay', 'quarantine recheck', 'doctor']));
  });

  it.each(['start', 'endpoint add', 'replay'])('of %s needs no right environment', async (command) => {
    const { status, out, err } = await run([...command.split(' '), '--help'], { PORT: 'none' });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('Example');
  });
});

/** Groups too, as `events` of `events list`. */
function everyCommand(of: Command, path: readonly string[] = []): { name: string; command: Command }[] {
  return of.commands.flatMap((command) => {
    const named = [...path, command.name()];
    return [{ name: named.join(' '), command }, ...everyCommand(command, named)];
  });
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

describe('failures', () => {
  it('names a wrong variable in one line', async () => {
    const { status, out, err } = await run(['start'], { PORT: '70000' });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toBe('postern: PORT is "70000"; it may be a whole number from 0 to 65535 (3000 when unset)\n');
  });

  it.each(['start', 'token list'])('says in one line that the database is not to be reached: %s', async (command) => {
    const env = { DATABASE_URL: 'postgresql://who:s3cret@127.0.0.1:1/none', DATABASE_WAIT_S: '0', LOG_LEVEL: 'error' };
    const { status, out, err } = await run(command.split(' '), env);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(ONE_LINE);
    expect(err).toContain('check DATABASE_URL');
    expect(err).not.toContain('s3cret');
  });

  it.each([
    ['an event', ['events', 'show', 'evt_none']],
    ['an account', ['ledger', 'balance', 'income:none']],
    ['a token that begins like an option', ['token', 'revoke', '-hnone']],
    ['an endpoint', ['endpoint', 'rotate', 'stripe', 'none', '--secret', 'whsec_0123456789']],
    ['an endpoint with secrets', ['endpoint', 'secrets', 'stripe', 'none']],
    ['an endpoint to remove a secret of', ['endpoint', 'remove-secret', 'stripe', 'none', 'x']],
    ['a cursor', ['events', 'list', '--cursor', 'x']],
  ])('says in one line that there is no such thing: %s', async (_what, args) => {
    const { status, out, err } = await postern(args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(ONE_LINE);
  });

  it('shows the stack only where it is asked for', async () => {
    const env = { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, LOG_LEVEL: 'debug' };
    const { err } = await run(['events', 'show', 'evt_none'], env);
    expect(err).toMatch(/\n\s+at /);
  });
});

describe('commands on a database', () => {
  it('say what to do next where there is nothing yet', async () => {
    for (const [args, next] of [
      [['events', 'list'], 'npx postern simulate --once stripe'],
      [['ledger', 'balance'], 'npx postern simulate --once stripe'],
      [['endpoint', 'list'], 'npx postern endpoint add'],
      [['token', 'list'], 'npx postern token create'],
    ] as const) {
      const { status, out } = await postern(args);
      expect(status).toBe(0);
      expect(out).toContain(next);
    }
    expect(await json(['ledger', 'balance'])).toEqual({ at: null, accounts: [], totals: [] });
    expect(await json(['events', 'list'])).toEqual({ items: [], next_cursor: null });
  });

  it('make an endpoint whose secret came by standard input, and never show it', async () => {
    const args = ['endpoint', 'add', 'stripe', 'main', '--secret', '-', '--setting', 'account=12345'];
    const made = await json([...args, '--setting', 'tolerance_s=60'], 'whsec_0123456789abcdef\n');
    expect(made).toMatchObject({
      provider: 'stripe',
      name: 'main',
      url: 'http://127.0.0.1:3000/webhooks/stripe/main',
      // The one is text of digits, the other a number: by what the provider takes.
      settings: { account: '12345', tolerance_s: 60 },
      secrets: [{ uses: 0, last_used_at: null }],
    });
    const again = await postern(args, 'whsec_0123456789abcdef\n');
    expect(again.status).toBe(1);
    expect(again.err).toMatch(ONE_LINE);

    const rotated = await json(
      ['endpoint', 'rotate', 'stripe', 'main', '--secret', '-', '--overlap', '30m'],
      'whsec_new1234567',
    );
    expect(rotated).toMatchObject({ not_after: null });
    const listed = JSON.stringify(await json(['endpoint', 'list']));
    expect(JSON.parse(listed)).toMatchObject({ items: [{ secrets: [{}, {}] }], next_cursor: null });
    expect(listed).not.toContain('whsec_');
  });

  // A dozen processes, one after the other: on a busy machine that is more than the usual limit.
  it('roll a secret: by what the processor documents, with what is left over named, and never the last one removed', async () => {
    await json(['endpoint', 'add', 'adyen', 'rolled', '--secret', '-'], '0'.repeat(64));
    const rotated = await json(['endpoint', 'rotate', 'adyen', 'rolled', '--secret', '-'], '1'.repeat(64));
    const days = (Date.parse(String(rotated.others_until)) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThanOrEqual(30);

    const told = await json(['endpoint', 'secrets', 'adyen', 'rolled']);
    expect(told).toMatchObject({
      rotation_overlap_s: 30 * 86_400,
      secrets: [
        { state: 'idle', uses: 0, not_after: expect.any(String), removable_since: null },
        { state: 'idle', uses: 0, not_after: null, removable_since: null },
      ],
    });
    const [old = '', young = ''] = (told.secrets as { id: string }[]).map(({ id }) => id);
    const remove = (id: string, ...more: string[]) =>
      postern(['endpoint', 'remove-secret', 'adyen', 'rolled', id, ...more]);
    const early = await remove(old);
    expect({ status: early.status, err: early.err }).toEqual({ status: 1, err: expect.stringMatching(ONE_LINE) });
    expect(early.err).toContain('no newer secret has been used yet');
    expect((await remove('no-uuid')).err).toMatch(ONE_LINE);

    // The old one was used until 31 days ago, the new one is now.
    await database.sql.query(
      `update postern.endpoint_secrets set uses = 3, created_at = created_at - interval '90 days',
         last_used_at = now() - case id when $1 then interval '31 days' else interval '1 minute' end where id in ($1, $2)`,
      [old, young],
    );
    const { out } = await postern(['endpoint', 'secrets', 'adyen', 'rolled']);
    expect(out).toMatch(new RegExp(`${old} +idle since .* yes\n`));
    expect(out).toMatch(new RegExp(`${young} +in use .* no\n`));
    const doctor = await json(['doctor']);
    expect(doctor.checks).toContainEqual({
      name: 'rotation',
      status: 'warning',
      found: expect.stringContaining('newer one is used: 1'),
      mend: `npx postern endpoint remove-secret adyen rolled ${old}`,
    });

    expect(await remove(old)).toMatchObject({ status: 0, err: '' });
    const last = await remove(young);
    expect(last.status).toBe(1);
    expect(last.err).toContain('only secret');
    expect(await remove(young, '--force')).toMatchObject({ status: 0, err: '' });
    expect(await json(['endpoint', 'secrets', 'adyen', 'rolled'])).toMatchObject({ secrets: [] });
  }, 180_000);

  it('refuse a secret that cannot be one, without repeating it', async () => {
    const { status, err } = await postern(['endpoint', 'add', 'stripe', 'wrong', '--secret', 'sk_live_0123456789']);
    expect(status).toBe(1);
    expect(err).toMatch(ONE_LINE);
    expect(err).not.toContain('sk_live_0123456789');
  });

  it('make, list by pages and revoke tokens, with the user in the audit log', async () => {
    const made = await json(['token', 'create', '--name', 'board', '--role', 'monitor,ops', '--expires', '90d']);
    expect(made).toMatchObject({ name: 'board', roles: ['monitor', 'ops'], token: expect.stringMatching(/^pst_/) });
    await json(['token', 'create', '--name', 'other', '--role', 'finance']);
    const first = await json(['token', 'list', '--limit', '1']);
    expect(first).toMatchObject({ items: [{}], next_cursor: expect.any(String) });
    const second = await json(['token', 'list', '--limit', '1', '--cursor', String(first.next_cursor)]);
    expect(second).toMatchObject({ items: [{}], next_cursor: null });
    expect(JSON.stringify([first, second])).not.toContain('pst_');

    await json(['token', 'revoke', String(made.id)]);
    const { rows } = await database.sql.query<{ actor: string }>(
      `select actor from postern.audit_log where action like 'token.%'`,
    );
    expect(rows.map(({ actor }) => actor)).toEqual(Array(3).fill(expect.stringMatching(/^cli:.+/)));
  });

  it('simulate goes to where the gateway of this environment answers, unless told where', async () => {
    const env = { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, HOST: '0.0.0.0', PORT: '1' };
    const { status, err } = await run(['simulate', '--once', 'stripe'], env);
    expect({ status, err }).toEqual({ status: 1, err: expect.stringMatching(ONE_LINE) });
    expect(err).toContain('no gateway answers at http://127.0.0.1:1/webhooks/stripe/');
    const told = await run(['simulate', '--once', 'stripe', '--url', 'http://127.0.0.1:2/'], env);
    expect(told.err).toContain('no gateway answers at http://127.0.0.1:2/webhooks/stripe/');
  });

  it('migrate says that there is nothing to do, also where MIGRATE=off', async () => {
    const env = { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, MIGRATE: 'off' };
    const { status, out } = await run(['migrate', '--json'], env);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ applied: [], role: 'postern_app', limited: null });
  });
});
