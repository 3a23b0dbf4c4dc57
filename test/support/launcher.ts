import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.mjs');

export type Ended = { readonly status: number | null; readonly out: string; readonly err: string };

export type Launched = {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has printed on standard output so far. */
  out(): string;
};

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
