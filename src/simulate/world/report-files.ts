import type { AccountWorld } from './account-world.ts';
import type { BatchReport, ReportFile } from './dialect.ts';
import { hasCutLine } from './transit.ts';

/** A report as it is handed in: its name (which may have a folder before it) and its text, made anew each time it is read. */
export type HandedIn = {
  readonly name: string;
  readonly format: string;
  readonly batches: readonly number[];
  /** Why it is taken though it contradicts itself; null: it is not. */
  readonly acceptDifference: string | null;
  text(): Iterable<string>;
};

/**
 * An account's reports in the order in which they are handed in, with what was done to them; up to `joined` batches a file, where
 * nothing was done to them and the processor has such files. Pure.
 */
export function reportFiles(world: AccountWorld, { joined = 1 } = {}): HandedIn[] {
  const { account, edits } = world;
  const files: HandedIn[] = [];
  const late: HandedIn[] = [];
  const { batches } = account.calendar;
  const isWhole = (batch: number): boolean =>
    batch <= batches &&
    !edits.files.has(batch) &&
    edits.files.get(batch - 1)?.kind !== 'repeated' &&
    !hasCutLine(world, batch);
  for (let batch = 1; batch <= batches; batch += 1) {
    const edit = edits.files.get(batch);
    const before = edits.files.get(batch - 1)?.kind === 'repeated' ? [batch - 1] : [];
    const own = [batch];
    if (account.dialect.joins && isWhole(batch))
      while (own.length < joined && isWhole(batch + 1)) {
        batch += 1;
        own.push(batch);
      }
    const file = handedIn(world, [...before, ...own]);
    switch (edit?.kind) {
      case 'missing':
        break;
      case 'twice':
        files.push(file, { ...file, name: `again/${file.name}` });
        break;
      case 'late':
        late.push(file);
        break;
      case 'truncated':
        files.push({ ...file, text: () => cutOff(file.text()) });
        break;
      case 'amended': {
        const first = handedIn(world, [batch], (report) => ({
          ...report,
          *movements() {
            for (const movement of report.movements()) yield edit.change(movement);
          },
        }));
        files.push({ ...first, name: `first/${first.name}` }, file);
        break;
      }
      case 'accepted':
        files.push({ ...file, acceptDifference: 'the processor was asked, and has no other' });
        break;
      case 'shifted':
        files.push(
          handedIn(world, [batch], (report) => ({
            ...report,
            opening: report.opening + edit.by,
            closing: report.closing + edit.by,
          })),
        );
        break;
      default:
        files.push(file);
    }
  }
  return [...files, ...late];
}

function handedIn(
  world: AccountWorld,
  batches: readonly number[],
  change: (report: BatchReport) => BatchReport = (report) => report,
): HandedIn {
  const { account } = world;
  const { dialect } = account;
  const file = (): ReportFile => ({ account, batches: batches.map((batch) => change(world.report(batch))) });
  return {
    name: dialect.fileName(file()),
    format: dialect.format,
    batches,
    acceptDifference: null,
    text: () => dialect.write(file()),
  };
}

/** Ends in the middle of a row, about half way. */
function* cutOff(text: Iterable<string>): Generator<string> {
  const pieces = [...text];
  const kept = pieces.slice(0, Math.max(2, Math.floor(pieces.length / 2)));
  const last = kept.pop() ?? '';
  yield* kept;
  yield last.slice(0, Math.floor(last.length / 3));
}
