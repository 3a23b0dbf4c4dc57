#!/usr/bin/env -S node --max-semi-space-size=8
// The young generation is kept small: bodies live for one commit, and a larger one costs 100 MB for no speed.
// The one entry. Plain JavaScript without new syntax, because it must run on an old Node far enough to say what is wrong
// or to hand over: the program itself is TypeScript, which Node runs from 24 on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;
const here = fileURLToPath(import.meta.url);
const root = dirname(dirname(here));

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  // Types are stripped and sources compiled once: half the time to start, and 20 MB less. In the installation and not in the
  // system's temp, where anybody could leave us code to run; where it cannot be written, it is done without.
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(join(root, 'node_modules', '.cache', 'postern'));
  const { main } = await import('../src/main.ts');
  process.exitCode = await main(process.argv.slice(2), process.env);
} else {
  const node = ownNode();
  // A Node that hands over to itself would never end.
  if (node === undefined || process.env.POSTERN_HANDED_OVER === '1') {
    process.stderr.write(
      `Postern needs Node ${NODE_MAJOR_MIN} or newer, this is ${process.versions.node}: run "npm ci" in ${root} (it brings its own Node for Linux), or install Node ${NODE_MAJOR_MIN}\n`,
    );
    process.exitCode = 1;
  } else {
    handOver(node);
  }
}

/** The Node that npm installed for this project: in its own node_modules, or beside it where Postern is a dependency. */
function ownNode() {
  const name = `node-${process.platform}-${process.arch}`;
  for (let folder = root; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name, 'bin', 'node');
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

function handOver(node) {
  const child = spawn(node, [...process.execArgv, here, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, POSTERN_HANDED_OVER: '1' },
  });
  // Ctrl-C in a terminal reaches the child too; passing SIGINT on would be its second, which ends it at once. Only a
  // signal sent to this process alone has to be passed on, and those are the others; for SIGINT see below.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal));
  }
  process.on('SIGINT', () => {
    // Without a terminal nobody else tells the child.
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  child.on('error', (error) => {
    process.stderr.write(`${node} could not be run (${error.message}): run "npm ci" in ${root}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    // Ends as the child did, so that the caller sees the signal.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
