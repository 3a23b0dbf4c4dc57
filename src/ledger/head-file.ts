import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PosternError } from '../errors.ts';
import type { TreeHeadText } from './tree-head.ts';

/**
 * Signed heads as lines of JSON, a file a month: for an outsider to copy and hold. Only ever added to.
 */
const NAME = /^tree-heads-\d{4}-\d{2}\.jsonl$/;
const LINE_BYTES_MAX = 2_000;

/** The size of the last head that stands in the folder; 0 where none does. */
export async function lastHeadIn(folder: string): Promise<number> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => NAME.test(name)).sort();
  for (const name of names.toReversed()) {
    const path = join(folder, name);
    const { size } = await stat(path);
    let last = 0;
    for await (const head of readHeads(path, Math.max(0, size - LINE_BYTES_MAX))) last = head.size;
    if (last > 0) return last;
  }
  return 0;
}

export async function addHeads(folder: string, heads: readonly TreeHeadText[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o711 });
  for (const head of heads) {
    const path = join(folder, `tree-heads-${head.signed_at.slice(0, 7)}.jsonl`);
    // A line that a crash cut off would swallow the next one.
    await appendFile(path, `${(await endsWithinLine(path)) ? '\n' : ''}${JSON.stringify(head)}\n`, { mode: 0o644 });
  }
}

async function endsWithinLine(path: string): Promise<boolean> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  if (size === 0) return false;
  for await (const chunk of createReadStream(path, { start: size - 1 })) return String(chunk) !== '\n';
  return false;
}

/** The heads of a file, one after the other; lines that are none (cut off by a crash) are left out. */
export async function* readHeads(path: string, start = 0): AsyncGenerator<TreeHeadText> {
  const lines = createInterface({ input: createReadStream(path, { start }), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const head = headOfLine(line);
    if (head !== null) yield head;
  }
}

/** @throws PosternError `invalid_request` where the file holds no head at all. */
export async function readHeldHeads(path: string): Promise<TreeHeadText[]> {
  const heads: TreeHeadText[] = [];
  try {
    for await (const head of readHeads(path)) heads.push(head);
  } catch (error) {
    throw new PosternError('invalid_request', `the heads in ${path} cannot be read`, { cause: error });
  }
  if (heads.length === 0) throw new PosternError('invalid_request', `there is no signed tree head in ${path}`);
  return heads;
}

function headOfLine(line: string): TreeHeadText | null {
  try {
    const value: unknown = JSON.parse(line);
    return isHead(value) ? value : null;
  } catch {
    return null;
  }
}

export function isHead(value: unknown): value is TreeHeadText {
  if (typeof value !== 'object' || value === null) return false;
  const head = value as Record<string, unknown>;
  return (
    Number.isSafeInteger(head.size) &&
    [head.root, head.signed_at, head.key_id, head.signature, head.public_key].every((v) => typeof v === 'string') &&
    !Number.isNaN(Date.parse(String(head.signed_at)))
  );
}
