import { type Command, InvalidArgumentError, Option } from 'commander';
import { pageOf, unpackCursor } from '../api/paging.ts';
import { AUDIT_FORMATS, type AuditFormat, auditView, checkAuditTimes, openAuditExport } from '../audit-export.ts';
import { type AuditFilter, selectAudit, selectAuditEntry } from '../audit-store.ts';
import { PosternError } from '../errors.ts';
import { proveAuditEntry } from '../ledger/proof.ts';
import type { CommandContext } from './context.ts';
import { LIMIT_DEFAULT, limit, time } from './options.ts';
import { moment, oneLine, table } from './table.ts';
import { writeWhole } from './write-whole.ts';

type AuditView = ReturnType<typeof auditView>;
type FilterOptions = {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly from?: Date;
  readonly to?: Date;
};
type ListOptions = FilterOptions & { readonly limit: number; readonly cursor?: string };
type ExportOptions = FilterOptions & { readonly format: AuditFormat; readonly output?: string };

const FAR = 200;

export function register(program: Command, context: CommandContext): void {
  const audit = program
    .command('audit')
    .description('who did what, and why; sealed in the log of the ledger')
    .addHelpText('after', "\nExample:\n  npx postern audit list --action 'endpoint.*'");
  filtered(audit.command('list').description('find entries, newest first'))
    .option('--limit <n>', 'at most so many', limit, LIMIT_DEFAULT)
    .option('--cursor <cursor>', 'where the page before ended')
    .addHelpText(
      'after',
      "\nExamples:\n  npx postern audit list --actor 'token:*' --from 2026-01-31\n  npx postern audit list --subject endpoint:7 --json",
    )
    .action((options: ListOptions) => list(options, context));
  audit
    .command('show')
    .description('one entry, with its details and its place in the log')
    .argument('<id>', 'as list shows it', entryId)
    .option('--proof', 'print the proof that it is in the log, for "postern ledger verify --proof"', false)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern audit show 12\n  npx postern audit show 12 --proof > proof.json && npx postern ledger verify --proof proof.json',
    )
    .action((id: bigint, options: { proof: boolean }) => (options.proof ? prove(id, context) : show(id, context)));
  filtered(audit.command('export').description('the entries as a file, oldest first'))
    .addOption(new Option('--format <format>', 'what for').choices(AUDIT_FORMATS).default('csv'))
    .option('-o, --output <file>', 'into this file, which is replaced when all is written; else printed')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern audit export --from 2026-01-01 --to 2026-02-01 -o january.csv\n' +
        '  npx postern audit export --format json --actor cli:root',
    )
    .action((options: ExportOptions) => exportTo(options, context));
}

function filtered(command: Command): Command {
  return command
    .option('--actor <name>', 'token:{id}, cli:{user} or system; with * at its end, all that begin so', wanted)
    .option('--action <name>', "such as endpoint.create, or 'endpoint.*'", wanted)
    .option('--subject <name>', "such as endpoint:7, or 'transaction:*'", wanted)
    .option('--from <time>', 'at or after', time)
    .option('--to <time>', 'before', time);
}

function filterOf({ actor, action, subject, from, to }: FilterOptions): AuditFilter {
  const filter = { actor, action, subject, from: from?.toISOString(), to: to?.toISOString() };
  checkAuditTimes(filter);
  return filter;
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const [at, id] = unpackCursor(options.cursor, [/^[\d:.TZ+-]{20,40}$/, /^\d{1,18}$/]) ?? [];
  const before = at === undefined || id === undefined ? null : { at, id: BigInt(id) };
  const filter = filterOf(options);
  const rows = await context.withDatabase(({ sql }) => selectAudit(sql, filter, { before, limit: options.limit + 1 }));
  const page = pageOf(rows, options.limit, (row) => [row.at_exactly, String(row.id)], auditView);
  if (context.json) return context.out(JSON.stringify(page, null, 2));
  if (page.items.length === 0) {
    const asked = before !== null || Object.values(filter).some((value) => value !== undefined);
    return context.out(asked ? 'No entry is like that.' : 'Nobody has changed anything yet.');
  }
  context.out(
    table<AuditView>(
      [
        { title: 'ID', of: (one) => one.id, right: true },
        { title: 'AT', of: (one) => moment(one.at) },
        { title: 'ACTOR', of: (one) => one.actor },
        { title: 'ACTION', of: (one) => one.action },
        { title: 'SUBJECT', of: (one) => one.subject },
        { title: 'REASON', of: (one) => one.reason ?? '–' },
      ],
      page.items,
    ),
  );
  if (page.next_cursor !== null) context.out(`\nMore: the same with --cursor ${page.next_cursor}`);
}

async function show(id: bigint, context: CommandContext): Promise<void> {
  const row = await context.withDatabase(({ sql }) => selectAuditEntry(sql, id));
  if (row === null) throw new PosternError('not_found', `there is no audit entry ${id}`);
  const view = auditView(row);
  if (context.json) return context.out(JSON.stringify(view, null, 2));
  const facts: [string, string][] = [
    ['at', moment(view.at)],
    ['actor', view.actor],
    ['action', view.action],
    ['subject', view.subject],
    ['reason', view.reason ?? '–'],
    ['details', view.details === null ? '–' : JSON.stringify(view.details)],
    ['sealed', view.sealed_as === null ? 'not yet' : `as number ${view.sealed_as} of the log`],
  ];
  context.out(facts.map(([name, value]) => `${name.padEnd(9)}${oneLine(value)}`).join('\n'));
}

async function prove(id: bigint, context: CommandContext): Promise<void> {
  const { clock } = context;
  const found = await context.withDatabase(({ sql, keyring }) => proveAuditEntry({ sql, keyring, clock }, id, null));
  if (found.kind !== 'proof')
    throw new PosternError(
      'not_found',
      `there is no sealed audit entry ${id}: a gateway that runs seals within seconds`,
    );
  context.out(JSON.stringify(found.proof, null, 2));
}

async function exportTo({ format, output, ...options }: ExportOptions, context: CommandContext): Promise<void> {
  const filter = filterOf(options);
  await context.withDatabase(async ({ reader }) => {
    const file = await openAuditExport(reader, format, filter);
    try {
      if (output === undefined) await context.stream(file.text);
      else await writeWhole(output, file.text, context);
    } finally {
      await file.close();
    }
  });
  if (output === undefined) return;
  context.out(context.json ? JSON.stringify({ file: output, format }) : `${output} holds the audit log.`);
}

function wanted(text: string): string {
  if (text === '' || text.length > FAR) throw new InvalidArgumentError(`1 to ${FAR} characters`);
  return text;
}

function entryId(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('the number of an entry, as list shows it');
  return BigInt(text);
}
