import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { greeted, type Launched, launch, run } from '../support/launcher.ts';

let folder: string;
let dataDir: string;
let database: TestDatabase;
const launched: Launched[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-start-'));
  // As root, Postgres runs as another user, who must be able to enter.
  chmodSync(folder, 0o711);
  dataDir = join(folder, 'data');
  database = await createTestDatabase();
});

afterAll(async () => {
  for (const { child } of launched) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await Promise.all(launched.map(({ ended }) => ended));
  await database.drop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

async function start(command = 'start', env: Record<string, string> = {}): Promise<{ gateway: Launched; url: string }> {
  const gateway = launch([command], { POSTERN_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'warn', ...env });
  launched.push(gateway);
  return { gateway, url: await greeted(gateway) };
}

async function interrupted({ child, ended }: Launched): Promise<number | null> {
  child.kill('SIGINT');
  return (await ended).status;
}

async function events(): Promise<{ event_id: string; status: string }[]> {
  const { out } = await run(['events', 'list', '--json'], { POSTERN_DATA_DIR: dataDir });
  return (JSON.parse(out) as { items: { event_id: string; status: string }[] }).items;
}

/** The printed command, read as a shell does: single quotes keep every byte. */
function printedRequest(text: string): { url: string; headers: Record<string, string>; body: string } {
  const [, command = ''] = /(curl -sS '[^']+' \\\n(?:.*\\\n)*.*--data-binary '[^']*')/.exec(text) ?? [];
  const [, url = ''] = /curl -sS '([^']+)'/.exec(command) ?? [];
  const [, body = ''] = /--data-binary '([^']*)'/.exec(command) ?? [];
  const headers = [...command.matchAll(/-H '([^:']+): ([^']*)'/g)].map(([, name = '', value = '']) => [name, value]);
  return { url, headers: Object.fromEntries(headers) as Record<string, string>, body };
}

describe('start on an empty data folder', { timeout: 120_000 }, () => {
  let token: string;

  it('fails before it listens in one line, and is not the first start by that', async () => {
    const blocker: Server = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const address = blocker.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const env = { POSTERN_DATA_DIR: dataDir, PORT: String(port), LOG_LEVEL: 'error' };
    const { status, out, err } = await run(['start'], env);
    await new Promise((resolve) => blocker.close(resolve));
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toBe(`postern: port ${port} at 127.0.0.1 is in use by another program: stop it, or set PORT\n`);
  });

  it('prints a signed request that works at once, and the token with which to see what became of it', async () => {
    const { gateway, url } = await start();
    // The greeting may come in pieces; this is its last line.
    await eventually(() => expect(gateway.out()).toContain('/api/v1/trial-balance'));
    const greeting = gateway.out();
    expect(greeting).toContain(`${url}/docs`);
    expect(greeting).toContain(`npx postern simulate --once stripe --url ${url}`);

    const { url: target, headers, body } = printedRequest(gateway.out());
    expect(JSON.parse(body)).toMatchObject({ type: 'charge.succeeded', livemode: false });
    const answer = await fetch(target, { method: 'POST', headers, body });
    expect([answer.status, await answer.text()]).toEqual([200, '{"received":true}']);
    const tampered = await fetch(target, { method: 'POST', headers, body: body.replace('1000', '9000') });
    expect(tampered.status).toBe(401);

    token = /Bearer (pst_\S+)"/.exec(gateway.out())?.[1] ?? '';
    const file = join(dataDir, 'admin-token');
    expect(readFileSync(file, 'utf8')).toBe(`${token}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await eventually(async () => {
      const books = await fetch(`${url}/api/v1/trial-balance`, { headers: { authorization: `Bearer ${token}` } });
      expect(await books.json()).toMatchObject({ totals: [{ currency: 'EUR', debits: '1000', credits: '1000' }] });
    });

    const second = await run(['start'], { POSTERN_DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'error' });
    expect([second.status, second.out]).toEqual([1, '']);
    expect(second.err).toMatch(/^postern: the data folder [^\n]+ is in use by process \d+[^\n]*\n$/);

    // A command beside it uses the running server.
    expect(await events()).toMatchObject([{ status: 'posted' }]);
    expect(await interrupted(gateway)).toBe(0);
  });

  it('finds its data again, recovers from kill -9, and tells the token no second time', async () => {
    const { gateway } = await start();
    // The greeting may come in pieces.
    await eventually(() => expect(gateway.out()).toContain(`kept in ${join(dataDir, 'admin-token')}`));
    expect(gateway.out()).not.toMatch(/pst_|curl -sS '/);
    gateway.child.kill('SIGKILL');
    await gateway.ended;

    const { gateway: next, url } = await start();
    const books = await fetch(`${url}/api/v1/trial-balance`, { headers: { authorization: `Bearer ${token}` } });
    expect(await books.json()).toMatchObject({ totals: [{ currency: 'EUR', debits: '1000', credits: '1000' }] });
    expect(await interrupted(next)).toBe(0);
  });
});

describe('serve on DATABASE_URL', { timeout: 60_000 }, () => {
  it('prints the command that makes the first token, and makes nothing by itself', async () => {
    const env = { DATABASE_URL: database.url };
    const { gateway } = await start('serve', env);
    await eventually(() => expect(gateway.out()).toContain('npx postern token create --name admin --role admin'));
    expect(gateway.out()).not.toContain('curl');
    expect((await database.sql.query('select 1 from postern.endpoints')).rowCount).toBe(0);
    expect(await interrupted(gateway)).toBe(0);
  });

  it('does not print the token of POSTERN_ADMIN_TOKEN', async () => {
    const secret = 'a-known-token-of-32-characters-x';
    const { gateway } = await start('serve', { DATABASE_URL: database.url, POSTERN_ADMIN_TOKEN: secret });
    await eventually(() => expect(gateway.out()).toContain('the one in POSTERN_ADMIN_TOKEN'));
    expect(gateway.out()).not.toContain(secret);
    gateway.child.kill('SIGTERM');
    expect((await gateway.ended).status).toBe(0);
  });
});
