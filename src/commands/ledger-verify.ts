import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { PosternError } from '../errors.ts';
import { readHeldHeads } from '../ledger/head-file.ts';
import { type AuditProof, faultOfProof, type InclusionProof, isHeld, parseProof } from '../ledger/proof.ts';
import { rebuildDays } from '../ledger/rebuild-days.ts';
import type { VerifyReport } from '../ledger/verify/report.ts';
import { verifyLedger } from '../ledger/verify/verify.ts';
import type { CommandContext } from './context.ts';
import { showCount } from './progress.ts';
import { oneLine, table } from './table.ts';

type VerifyOptions = { readonly proof?: string; readonly heads?: string };

const STDIN = '-';
const PROOF_BYTES_MAX = 16 * 1024 * 1024;

export function registerVerify(ledger: Command, context: CommandContext): void {
  ledger
    .command('verify')
    .description(
      'prove the books from their rows, or one proof of inclusion without any database; exit status 1 if not',
    )
    .option(
      '--proof <file>',
      'check this proof (GET /api/v1/transactions/:id/proof or /audit-log/:id/proof) instead; - for standard input',
    )
    .option('--heads <file>', 'signed tree heads that were kept outside: they must be found again')
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern ledger verify\n  npx postern ledger verify --heads kept/tree-heads-2026-11.jsonl\n' +
        '  npx postern ledger verify --proof proof.json --heads kept/tree-heads-2026-11.jsonl',
    )
    .action((options: VerifyOptions) =>
      options.proof === undefined ? books(options, context) : proof(options.proof, options, context),
    );
  ledger
    .command('rebuild')
    .description('make the sums by day anew from what is sealed; postings wait for nothing, sealing does')
    .addHelpText('after', '\nExample:\n  npx postern ledger rebuild')
    .action(() => rebuild(context));
}

async function books({ heads }: VerifyOptions, context: CommandContext): Promise<void> {
  const held = heads === undefined ? [] : await readHeldHeads(heads);
  const progress = showCount('transactions');
  let report: VerifyReport;
  try {
    report = await context.withDatabase(({ pool }) =>
      verifyLedger({ pool, held, tell: (transactions) => progress.update(transactions, '') }),
    );
  } finally {
    progress.end();
  }
  if (!report.ok) context.fail();
  if (context.json) return context.out(JSON.stringify(report, null, 2));
  context.out(
    table(
      [
        { title: 'CHECK', of: (check) => check.name },
        { title: 'ROWS', of: (check) => count(check.checked), right: true },
        { title: '', of: (check) => (check.fault === null ? 'ok' : 'WRONG') },
        { title: 'WHAT HOLDS', of: (check) => check.says },
      ],
      report.checks,
    ),
  );
  for (const { name, fault } of report.checks)
    if (fault !== null) context.out(`\n${name}: ${fault.row}: ${fault.found}`);
  const rate = report.postings / Math.max(report.seconds, 0.001);
  context.out(
    `\n${report.ok ? 'The books hold' : 'The books do NOT hold'}: ${count(report.transactions)} transactions, ${count(report.postings)} postings ` +
      `in ${report.seconds.toFixed(1)} s (${count(Math.round(rate))} postings/s).\n` +
      `The log has ${count(report.log_size)} entries (${count(report.audit_entries)} of the audit log) under the root ${report.root}; ${count(report.heads)} signed heads agree` +
      `${report.unsealed === 0 ? '.' : `; ${count(report.unsealed)} are not sealed yet.`}`,
  );
}

const count = (n: number): string => n.toLocaleString('en');

async function proof(file: string, { heads }: VerifyOptions, context: CommandContext): Promise<void> {
  const text = file === STDIN ? await context.input() : await read(file);
  const parsed = parseProof(text);
  const held = heads === undefined ? null : isHeld(parsed, await readHeldHeads(heads));
  const fault =
    faultOfProof(parsed) ??
    (held === false ? `the tree head of ${parsed.tree_head.size} is not the one that was kept` : null);
  if (fault !== null) context.fail();
  const { tree_head: head, index } = parsed;
  const subject =
    'transaction' in parsed ? { transaction: parsed.transaction.id } : { audit_entry: parsed.audit_entry.id };
  if (context.json) {
    return context.out(
      JSON.stringify({ ok: fault === null, fault, ...subject, index, tree_head: head, held }, null, 2),
    );
  }
  if (fault !== null) return context.out(`The proof does NOT hold: ${fault}.`);
  const known =
    held === true
      ? 'The head is the one that was kept.'
      : held === null && heads !== undefined
        ? `No head of ${head.size} is in ${heads}: ask for a proof under one that is, with ?tree_size=`
        : 'Compare the head with one that you keep (--heads): a proof is worth as much as its head.';
  context.out(
    `${nameOf(parsed)} is number ${index} of ${head.size} in the log whose root was signed ` +
      `at ${head.signed_at} by the key ${head.key_id}.\n${known}`,
  );
}

function nameOf(proof: InclusionProof | AuditProof): string {
  if ('transaction' in proof) return `Transaction ${proof.transaction.id} (${proof.transaction.effect_key})`;
  const { id, at, actor, action, subject } = proof.audit_entry;
  return oneLine(`Audit entry ${id} (${actor}: ${action} ${subject} at ${at})`);
}

async function read(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > PROOF_BYTES_MAX) throw new RangeError(`it has ${bytes.length} bytes`);
    return bytes.toString('utf8');
  } catch (error) {
    throw new PosternError('invalid_request', `the proof in ${file} cannot be read`, { cause: error });
  }
}

async function rebuild(context: CommandContext): Promise<void> {
  const rows = await context.withDatabase(({ pool }) => rebuildDays(pool, context.actor));
  if (context.json) return context.out(JSON.stringify({ days: rows }, null, 2));
  context.out(`${count(rows)} sums by day were made anew.`);
}
