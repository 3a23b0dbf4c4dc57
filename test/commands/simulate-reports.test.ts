import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../support/launcher.ts';

/*
 * A world on disk, as people ask for it: no gateway and no database is there.
 */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-reports-'));
});
afterAll(() => rm(folder, { recursive: true }));

const simulate = (...args: string[]) => run(['simulate', ...args], {});
// `as`: what the command wrote itself.
const written = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Written;

type Written = {
  readonly discrepancies: readonly { readonly class: string; readonly account: string; readonly delta: string }[];
  readonly accounts: readonly {
    readonly provider: string;
    readonly account: string;
    readonly webhooks: { readonly path: string };
    readonly reports: readonly { readonly path: string; readonly bytes: number }[];
    readonly statements: readonly unknown[];
  }[];
};

it('writes webhooks, reports, statements and labels, and says what is where', { timeout: 60_000 }, async () => {
  const asked = ['--reports', folder, '--providers', 'stripe,adyen', '--faults', 'bank_short', '--seed', '7'];
  const { status, out } = await simulate(...asked);
  expect({ status, out }).toMatchObject({ status: 0, out: expect.stringContaining('2 discrepancies') });
  const { discrepancies } = await written('labels.json');
  expect(discrepancies.map((one) => [one.class, one.delta])).toEqual([
    ['bank_amount_mismatch', '-13'],
    ['bank_amount_mismatch', '-13'],
  ]);
  const { accounts } = await written('manifest.json');
  expect(accounts.map(({ provider }) => provider)).toEqual(['stripe', 'stripe', 'adyen', 'adyen']);
  for (const { webhooks, reports, statements } of accounts) {
    expect(reports).toHaveLength(12);
    expect(statements).toHaveLength(3);
    const [first = ''] = (await readFile(join(folder, webhooks.path), 'utf8')).split('\n');
    expect(JSON.parse(first)).toHaveProperty('body');
    for (const { path, bytes } of reports) expect((await readFile(join(folder, path))).length).toBe(bytes);
  }
});

it('writes over nothing, and knows which faults there are', { timeout: 60_000 }, async () => {
  const full = await simulate('--reports', folder);
  expect(full.status).not.toBe(0);
  expect(full.err).toContain('is not empty');
  const wrong = await simulate('--reports', join(folder, 'other'), '--faults', 'everything');
  expect(wrong.status).not.toBe(0);
  expect(wrong.err).toContain('lost_event');
  const none = await simulate('--reports', join(folder, 'other'), '--providers', 'xendit');
  expect(none.err).toContain('reports can be made of');
});
