import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AccountWorld } from './account-world.ts';
import { statementFiles } from './bank/statement-files.ts';
import { reportFiles } from './report-files.ts';
import { signedEvents, worldTarget } from './signed-events.ts';
import { inTransit } from './transit.ts';
import type { World } from './world.ts';

const CHUNK_CHARS = 256 * 1024;

export type WrittenFile = { readonly path: string; readonly bytes: number; readonly sha256: string };

/**
 * A world as a folder: each account's webhooks, reports and statements in the order they are to be taken in, what is to be found in
 * them (labels.json), and what is where (manifest.json). The same world is the same bytes.
 */
export async function writeWorld(
  world: World,
  folder: string,
  onFile: (file: WrittenFile) => void = () => undefined,
): Promise<{ readonly files: number; readonly bytes: number }> {
  let files = 0;
  let bytes = 0;
  const write = async (path: string, text: Iterable<string>): Promise<WrittenFile> => {
    const file = await writeText(join(folder, path), path, text);
    files += 1;
    bytes += file.bytes;
    onFile(file);
    return file;
  };
  const accounts: object[] = [];
  for (const account of world.accounts) accounts.push(await writeAccount(account, write));
  const looked = new Date(world.lookedAt).toISOString();
  const labels = {
    seed: world.seed,
    looked_at: looked,
    discrepancies: world.labels,
    in_transit: Object.fromEntries(world.accounts.map((one) => [one.account.name, inTransit(one)])),
  };
  await write('labels.json', [json(labels)]);
  await write('manifest.json', [json({ seed: world.seed, looked_at: looked, labels: 'labels.json', accounts })]);
  return { files, bytes };
}

type Write = (path: string, text: Iterable<string>) => Promise<WrittenFile>;

async function writeAccount(world: AccountWorld, write: Write): Promise<object> {
  const { account } = world;
  const { name, dialect, currency, bank } = account;
  const { target, secret } = worldTarget(account);
  const webhooks = await write(`${name}/webhooks.jsonl`, eventLines(world));
  const reports: object[] = [];
  for (const file of reportFiles(world))
    reports.push({
      ...(await write(`${name}/reports/${file.name}`, file.text())),
      format: file.format,
      ...(file.acceptDifference === null ? {} : { accept_difference: file.acceptDifference }),
    });
  const statements: object[] = [];
  for (const file of statementFiles(world))
    statements.push({ ...(await write(`${name}/statements/${file.name}`, [file.text])), format: file.format });
  return {
    provider: dialect.simulator.provider,
    account: name,
    currency: currency.code,
    endpoint: { secret, settings: target.settings },
    bank_account: bank.account,
    webhooks,
    reports,
    statements,
  };
}

function* eventLines(world: AccountWorld): Generator<string> {
  for (const { at, body, headers } of signedEvents(world))
    yield `${JSON.stringify({ at: new Date(at).toISOString(), ...(headers === null ? {} : { headers }), body })}\n`;
}

async function writeText(at: string, path: string, text: Iterable<string>): Promise<WrittenFile> {
  await mkdir(dirname(at), { recursive: true });
  const file = await open(at, 'wx');
  const hash = createHash('sha256');
  let bytes = 0;
  const flush = async (pieces: string): Promise<void> => {
    const chunk = Buffer.from(pieces);
    hash.update(chunk);
    bytes += chunk.length;
    await file.writeFile(chunk);
  };
  try {
    let held = '';
    for (const piece of text) {
      held += piece;
      if (held.length < CHUNK_CHARS) continue;
      await flush(held);
      held = '';
    }
    await flush(held);
  } finally {
    await file.close();
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
