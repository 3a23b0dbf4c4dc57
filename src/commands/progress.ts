import { SingleBar } from 'cli-progress';
import { oneLine } from './table.ts';

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

/** How much is done where nobody knows how much there is, and what it waits for. */
export function showCount(what: string): { update(done: number, note: string): void; end(): void } {
  if (!process.stderr.isTTY) return { update: () => undefined, end: () => undefined };
  const bar = new SingleBar({
    format: `{value} ${what}, {duration_formatted} {note}`,
    hideCursor: true,
    stream: process.stderr,
  });
  bar.start(0, 0, { note: '' });
  return { update: (done, note) => bar.update(done, { note: oneLine(note) }), end: () => bar.stop() };
}
