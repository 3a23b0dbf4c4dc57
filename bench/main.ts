import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { books } from './books.ts';
import { hot } from './hot.ts';
import { incremental, matching } from './match.ts';
import { parsing } from './parse.ts';
import { reconcile } from './reconcile.ts';
import { replaying } from './replay.ts';
import { search } from './search.ts';
import {
  acknowledging,
  againstNaive,
  duplicates,
  type Effort,
  type Figures,
  FULL,
  posting,
  QUICK,
  steady,
} from './sections.ts';
import { openStand, type Stand } from './stand.ts';
import { stats } from './stats.ts';
import { comparison } from './table.ts';
import { worlds } from './worlds.ts';

const USAGE = `npm run bench -- [SECTION …] [--only SECTION,…] [--json FILE] [--quick] [--postings N] [--lines N] [--items N]
  DATABASE_URL: another server than the embedded one
  ledger fills books of N postings first: 10,000,000 unless told otherwise, which takes minutes; 200,000 where it is --quick
  reconcile imports reports of N lines: 1,000,000 unless told otherwise, 50,000 where it is --quick; and matches as "match" does
  match reconciles N items with as many lines: 1,000,000 unless told otherwise; --items 10000000 is the aim's size and takes long to fill
  incremental: the part of match in which one report of 50,000 lines comes
  stats fills N events first, search 10,000,000
  worlds (only by name) makes a labelled world of a million objects and reconciles it`;

const POSTINGS_MAX = 100_000_000;
const LINES_MAX = 20_000_000;

type Section = (stand: Stand, effort: Effort, tell: (line: string) => void) => Promise<Figures>;

const SECTIONS: Readonly<Record<string, Section>> = {
  ack: acknowledging,
  naive: againstNaive,
  dup: duplicates,
  post: posting,
  steady,
  ledger: books,
  hot,
  search,
  replay: replaying,
  stats,
  parse: parsing,
  // In this order: a million imported lines that nobody announced would all be judged anew with the items.
  reconcile: async (...given) => ({ ...(await matching(...given)), ...(await reconcile(...given)) }),
  match: matching,
  incremental,
  worlds,
};

/** Only where they are asked for by name: a quarter of an hour, and parts of reconcile. */
const ON_DEMAND: ReadonlySet<string> = new Set(['worlds', 'match', 'incremental']);

async function main(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean' },
      only: { type: 'string' },
      postings: { type: 'string' },
      lines: { type: 'string' },
      items: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const asked = [...positionals, ...(values.only?.split(',') ?? [])];
  const names = asked.length === 0 ? Object.keys(SECTIONS).filter((name) => !ON_DEMAND.has(name)) : asked;
  const unknown = names.find((name) => !Object.hasOwn(SECTIONS, name));
  if (values.help === true || unknown !== undefined) {
    process.stderr.write(
      `${unknown === undefined ? '' : `there is no section "${unknown}"\n`}${USAGE}\n  Sections: ${Object.keys(SECTIONS).join(', ')}\n`,
    );
    return unknown === undefined ? 0 : 2;
  }
  const usual = values.quick === true ? QUICK : FULL;
  const postings = Math.min(POSTINGS_MAX, Math.max(1, Number(values.postings) || usual.books.postings));
  const lines = Math.min(LINES_MAX, Math.max(1, Number(values.lines) || usual.reconcile.lines));
  const items = Math.min(POSTINGS_MAX, Math.max(100_000, Number(values.items) || usual.items));
  const effort = { ...usual, items, reconcile: { lines }, books: { ...usual.books, postings } };
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  const stand = await openStand(env.DATABASE_URL ?? null);
  const figures: Figures = {};
  const failed: string[] = [];
  try {
    for (const name of names) {
      try {
        Object.assign(figures, await SECTIONS[name]?.(stand, effort, tell));
      } catch (error) {
        // The others are still worth measuring.
        failed.push(name);
        tell(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      }
    }
    if (stand.rssMb() > 0) figures.rss_mb = stand.rssMb();
    const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB`;
    const versions = `node ${process.versions.node}, postgres ${stand.version}`;
    process.stdout.write(comparison(figures, { machine, versions }));
    const json = {
      ...Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Number(value.toPrecision(6))])),
      machine,
      versions,
    };
    if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(json, null, 2)}\n`);
  } finally {
    await stand.close();
  }
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2), process.env);
