import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openExport } from '../../src/ledger/export/export-journal.ts';
import type { JournalFormat, Selection } from '../../src/ledger/export/journal.ts';
import type { Pools } from '../../src/postgres/pools.ts';

/** Other people's tools, which must find the exported books right. Where they are not installed their tests are skipped. */
const TOOLS = {
  beancount: { command: 'bean-check', args: (file: string) => [file], extension: 'beancount' },
  // Strict, and without a price that it would infer to balance what does not.
  hledger: {
    command: 'hledger',
    args: (file: string) => ['check', '--strict', 'balancednoautoconversion', 'ordereddates', '-f', file],
    extension: 'journal',
  },
} as const;

export type Tool = keyof typeof TOOLS;

export const TOOL_NAMES = Object.keys(TOOLS) as Tool[];

export const isInstalled = (tool: Tool): boolean =>
  spawnSync(TOOLS[tool].command, ['--version'], { stdio: 'ignore' }).error === undefined;

/** What the tool has against a journal; empty when nothing. */
export async function complaintsOf(tool: Tool, journal: string): Promise<string> {
  const { command, args, extension } = TOOLS[tool];
  const folder = mkdtempSync(join(tmpdir(), 'postern-journal-'));
  try {
    const file = join(folder, `journal.${extension}`);
    writeFileSync(file, journal);
    const run = spawn(command, args(file), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    let said = '';
    run.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    run.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const status = await new Promise<number | null>((resolve, reject) => {
      run.once('error', reject);
      run.once('close', resolve);
    });
    return status === 0 && said.trim() === '' ? '' : `exit ${status}: ${said}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A whole export as one text. */
export async function exported(
  pools: Pools,
  format: JournalFormat,
  selection: Partial<Selection> = {},
): Promise<string> {
  const journal = await openExport(pools.reader, format, { from: null, to: null, account: null, ...selection });
  try {
    let text = '';
    for await (const piece of journal.text) text += piece;
    return text;
  } finally {
    await journal.close();
  }
}

/** A CSV file as rows by column name, as a strict reader of RFC 4180 sees it. */
export function csvRows(text: string): Record<string, string>[] {
  const [head = [], ...rows] = cellsOf(text);
  return rows.map((row) => {
    if (row.length !== head.length) throw new Error(`a row of ${row.length} cells: ${row.join(' | ')}`);
    return Object.fromEntries(head.map((name, n) => [name, row[n] ?? '']));
  });
}

function cellsOf(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /"((?:[^"]|"")*)"(,|\r\n)|([^",\r\n]*)(,|\r\n)/y;
  while (cell.lastIndex < text.length) {
    const at = cell.lastIndex;
    const match = cell.exec(text);
    if (match === null) throw new Error(`no CSV at ${JSON.stringify(text.slice(at, at + 80))}`);
    row.push((match[1] ?? '').replaceAll('""', '"') || (match[3] ?? ''));
    if ((match[2] ?? match[4]) === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
