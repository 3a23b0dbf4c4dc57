import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { captures, deliver, kill, type ReplayView, SECRET, stateOf, unpost } from '../ingest/replay/replays.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestGateway } from '../support/gateway.ts';
import { type Ended, run, runHere } from '../support/launcher.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';
import { TEST_KEYS } from '../support/test-keys.ts';

let database: TestDatabase;
let folder: string;
let ids: string[];

/** No gateway runs afterwards: the command does the work itself. */
beforeAll(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
  const gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', [SECRET], { account: 'acct_1' });
  ids = [];
  for (const n of ['x1', 'x2', 'x3']) ids.push(await deliver(gateway, database, chargeSucceeded(n)));
  await gateway.stop();
  await unpost(database, ...ids);
  await kill(database, ...ids);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const postern = (...args: readonly string[]): Promise<Ended> =>
  run(args, { DATABASE_URL: database.url, POSTERN_DATA_DIR: folder, POSTERN_ENCRYPTION_KEYS: TEST_KEYS });

const viewOf = ({ out }: Ended): ReplayView => JSON.parse(out) as ReplayView;

it('shows what would be posted, posts it, and lists who asked', async () => {
  expect((await postern('replays', 'list')).out).toContain('Nothing has been run again yet');

  const dry = await postern('replay', '--filter', 'status=dead', 'type=charge.succeeded', '--dry-run');
  expect(dry).toMatchObject({ status: 0, err: '' });
  expect(dry.out).toMatch(/^would post +3$/m);
  expect(dry.out).toContain('dead → posted');
  expect(dry.out).toMatch(/\+ +10\.00 EUR {2}asset:processor_pending:stripe:acct_1/);
  expect(await captures(database)).toEqual(new Map());

  const one = await postern('events', 'replay', ids[0] ?? '', '--reason', 'mended', '--json');
  expect(one).toMatchObject({ status: 0, err: '' });
  expect(viewOf(one)).toMatchObject({ status: 'done', total: 1, posted: 1, reason: 'mended' });

  const rest = await postern('replay', '--status', 'dead', '--reason', 'mended');
  expect(rest).toMatchObject({ status: 0, err: '' });
  expect(rest.out).toMatch(/^posted +2$/m);
  expect(await captures(database)).toEqual(new Map(['ch_x1', 'ch_x2', 'ch_x3'].map((charge) => [charge, 1])));

  const list = await postern('replays', 'list', '--json');
  const { items } = JSON.parse(list.out) as { items: ReplayView[] };
  expect(items.map(({ posted, dry_run: dryRun }) => [posted, dryRun])).toEqual([
    [2, false],
    [1, false],
    [3, true],
  ]);
  expect((await postern('replays', 'list')).out).toMatch(/cli:\S+ +done \(dry run\)/);
  expect((await postern('replays', 'show', items[0]?.id ?? '')).out).toContain('status=dead');
  expect(await postern('replays', 'cancel', items[0]?.id ?? '')).toMatchObject({ status: 1, out: '' });
}, 90_000);

it('leaves it to a gateway where it is told so, and takes it back', async () => {
  const asked = await postern('events', 'replay', ids[1] ?? '', '--reason', 'again', '--detach', '--json');
  expect(asked).toMatchObject({ status: 0, err: '' });
  const { id } = viewOf(asked);
  expect(viewOf(asked)).toMatchObject({ status: 'running', done: 0 });
  expect(viewOf(await postern('replays', 'cancel', id, '--json'))).toMatchObject({ status: 'cancelled', done: 0 });
  expect((await postern('replays', 'list', '--status', 'cancelled')).out).toContain(id);
}, 60_000);

it('ends with 1 where something failed', async () => {
  await kill(database, ids[2] ?? '');
  await database.sql.query('delete from postern.deliveries');
  const failed = await postern('replay', '--status', 'dead', '--reason', 'again', '--json');
  expect(failed).toMatchObject({ status: 1, err: '' });
  expect(viewOf(failed)).toMatchObject({ status: 'done', failed: 1 });
  expect(await stateOf(database, ids[2] ?? '')).toMatchObject({ status: 'dead', error_code: 'body_missing' });
}, 60_000);

it('says what was wrong with how it was called', async () => {
  for (const [args, says] of [
    [['replay', '--dry-run'], 'say which events'],
    [['replay', '--status', 'dead'], 'say why with --reason'],
    [['replay', '--status', 'dead', '--reason', ' '], 'say why with --reason'],
    [['replay', '--filter', 'dead', '--dry-run'], 'name=value'],
    [['replay', '--filter', 'colour=red', '--dry-run'], 'is not a part of a filter'],
    [['replay', '--status', 'lost', '--dry-run'], 'Allowed choices'],
    [['replay', '--status', 'dead', '--dry-run', '--rate', '0'], 'from 1 to 5000'],
    [['events', 'replay', '--dry-run'], 'missing required argument'],
    [['replays', 'list', '--status', 'lost'], 'Allowed choices'],
  ] as const) {
    const refused = await runHere(args);
    expect([args.join(' '), refused.status, refused.out]).toEqual([args.join(' '), 2, '']);
    expect(refused.err).toContain(says);
  }
  for (const args of [
    ['events', 'replay', 'evt_none', '--dry-run'],
    ['replays', 'show', 'nonsense'],
    ['replays', 'cancel', '00000000-0000-7000-8000-000000000000'],
  ])
    expect(await postern(...args)).toMatchObject({ status: 1, out: '', err: expect.stringContaining('there is no') });
}, 120_000);
