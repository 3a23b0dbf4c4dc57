import { SingleBar } from 'cli-progress';

export type Progress = { update(done: number): void; end(): void };

/** A bar on a terminal's standard error; nothing where nobody is looking. */
export function showProgress(what: string, total: number): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, end: () => undefined };
  const bar = new SingleBar({
    format: `{bar} {value}/{total} ${what}, {eta_formatted} left`,
    hideCursor: true,
    stream: process.stderr,
  });
  bar.start(total, 0);
  return { update: (done) => bar.update(done), end: () => bar.stop() };
}
