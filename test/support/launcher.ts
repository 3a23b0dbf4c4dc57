import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { vi } from 'vitest';
import { main } from '../../src/main.ts';
import { eventually } from './eventually.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.mjs');

export type Ended = { readonly status: number | null; readonly out: string; readonly err: string };

export type Launched = {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has printed on standard output so far. */
  out(): string;
};

const GREETED_WITHIN_MS = 60_000;

/** The real launcher, or `program` in its place, in a process of its own with no more of our environment than it needs. */
export function launch(
  args: readonly string[],
  env: Record<string, string> = {},
  { input = '', program = LAUNCHER }: { readonly input?: string; readonly program?: string } = {},
): Launched {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  // A command that reads no input may be gone before it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, err }));
  });
  return { child, ended, out: () => out };
}

export function run(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<Ended> {
  return launch(args, env, { input }).ended;
}

/** The same in this process, for what ends before it begins: a process takes longer to start than wrong use to be told. */
export async function runHere(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const told = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      told[name] += String(chunk);
      return true;
    }),
  );
  try {
    const status = await main(args, env);
    return { status, out: told.stdout, err: told.stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Where a launched gateway answers, once it has told; throws what it complained of when it ends instead. */
export async function greeted(launched: Launched): Promise<string> {
  const told = eventually(
    () => {
      const [, url] = /Postern answers at (http:\S+)/.exec(launched.out()) ?? [];
      if (url === undefined) throw new Error(`no greeting yet: ${launched.out()}`);
      return url;
    },
    { timeoutMs: GREETED_WITHIN_MS, everyMs: 50 },
  );
  const failed = launched.ended.then(({ err }) => Promise.reject(new Error(`ended before it greeted: ${err}`)));
  // After the race it ends some time, as it should.
  failed.catch(() => undefined);
  told.catch(() => undefined);
  return Promise.race([told, failed]);
}
