import { PosternError } from '../errors.ts';
import { refusalOf } from './api-refusal.ts';
import type { ApiAnswer } from './provider.ts';
import type { OpenedReport } from './provider-reports.ts';

/** One answer of those that are a report together; the next is known once it is there. */
export type Page = {
  ask(): Promise<ApiAnswer>;
  /** @throws PosternError `unreadable_event` where the answer does not tell. */
  next(body: Buffer): Page | null;
  /** What of the answer belongs to the report; absent: all of it. */
  kept?(body: Buffer): Uint8Array;
};

type PagedReport = {
  readonly fileName: string;
  readonly now: number;
  readonly permission: string;
  /** Stands before the answers. */
  readonly head?: string;
  /** Why there is no report, by the first answer. */
  readonly nothing?: (body: Buffer) => string | null;
};

const PAGES_MAX = 100_000;
const NEWLINE = Buffer.from('\n');

/**
 * A report made of answers, each as it came, one after another. The first is asked for at once: it says whether the key may read
 * it. What goes wrong behind it ends the report with an error, so that nothing is taken for the whole that is not.
 */
export async function openPages(
  first: Page,
  { fileName, now, permission, head, nothing }: PagedReport,
): Promise<OpenedReport> {
  const answer = await first.ask();
  if (answer.status === 404 || answer.status === 410)
    return { kind: 'missing', detail: `${fileName}: answered ${answer.status}` };
  if (answer.status !== 200) return refusalOf(answer, now, permission);
  const none = nothing?.(answer.body) ?? null;
  if (none !== null) return { kind: 'missing', detail: none };
  return { kind: 'report', fileName, bytes: headed(head, bodies(first, answer, fileName)) };
}

async function* headed(head: string | undefined, answers: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (head !== undefined) yield Buffer.from(`${head}\n`);
  yield* answers;
}

async function* bodies(first: Page, answered: ApiAnswer, fileName: string): AsyncIterable<Uint8Array> {
  let page: Page | null = first;
  let answer = answered;
  for (let n = 1; page !== null; n += 1) {
    if (n > PAGES_MAX) throw new PosternError('egress_failed', `${fileName} has over ${PAGES_MAX} pages`);
    yield page.kept?.(answer.body) ?? answer.body;
    yield NEWLINE;
    page = page.next(answer.body);
    if (page === null) return;
    answer = await page.ask();
    if (answer.status !== 200)
      throw new PosternError('egress_failed', `page ${n + 1} of ${fileName}: answered ${answer.status}`);
  }
}

/** A page that names no further one, or the one before it again, would be read for ever. */
export function further(cursor: string | undefined, before: string | null): string | null {
  if (cursor === undefined) return null;
  if (cursor === before || cursor.length > CURSOR_CHARS_MAX)
    throw new PosternError('unreadable_event', 'the processor named a further page that cannot be one');
  return cursor;
}

const CURSOR_CHARS_MAX = 1_024;
