import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeWhole } from '../../src/commands/write-whole.ts';
import { launch } from '../support/launcher.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-whole-'));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

const unheard = { onSignal: () => () => undefined };
const write = (text: string) => writeWhole(join(folder, 'books.csv'), Readable.from([text]), unheard);
const left = () => readdirSync(folder).sort();
const put = (...names: string[]) => {
  for (const name of names) writeFileSync(join(folder, name), 'half of another');
};

/** Of a process that is over. */
async function goneId(): Promise<number> {
  const { child, ended } = launch(['--version']);
  await ended;
  return child.pid ?? 0;
}

it('a part of an earlier process with the same id is replaced, and not gone on with', async () => {
  put(`books.csv.${process.pid}.part`);
  await write('new');
  expect([left(), readFileSync(join(folder, 'books.csv'), 'utf8')]).toEqual([['books.csv'], 'new']);
});

it('parts of processes that are gone are put away', async () => {
  put(`books.csv.${await goneId()}.part`);
  await write('new');
  expect(left()).toEqual(['books.csv']);
});

it('what is not such a part stays', async () => {
  const gone = await goneId();
  const others = [
    `books.csv.${process.ppid}.part`,
    `other.csv.${gone}.part`,
    `books.csv.old.${gone}.part`,
    `books.csv.${gone}.part.gz`,
    'books.csv.part',
    'books.csv.0.part',
  ];
  put(...others);
  await write('new');
  expect(left()).toEqual([...others, 'books.csv'].sort());
});

it('a folder that may be written and not read is written', async () => {
  chmodSync(folder, 0o300);
  await write('new');
  expect(readFileSync(join(folder, 'books.csv'), 'utf8')).toBe('new');
});
