import type { Command } from 'commander';
import { transactionView } from '../api/views.ts';
import { PosternError } from '../errors.ts';
import { reverseTransaction } from '../ledger/reversal.ts';
import { withTransaction } from '../postgres/sql.ts';
import type { CommandContext } from './context.ts';
import { reason } from './options.ts';
import { transactionText } from './transaction-text.ts';

type ReverseOptions = { readonly reason: string; readonly dryRun?: boolean };

export function registerReverse(ledger: Command, context: CommandContext): void {
  ledger
    .command('reverse')
    .description('take a transaction back by its mirror image; what was posted stays as it is')
    .argument('<transaction>', 'its id')
    .requiredOption('--reason <text>', 'why, for the audit log and the transaction itself', reason)
    .option('--dry-run', 'show what would be posted, and post nothing')
    .addHelpText(
      'after',
      '\nExample:\n  npx postern ledger reverse 0199f3c2-7a10-7c44-9c5e-3f1b2a6d8e90 --reason "posted to the wrong account" --dry-run',
    )
    .action((id: string, options: ReverseOptions) => reverse(id, options, context));
}

async function reverse(id: string, { reason: why, dryRun = false }: ReverseOptions, context: CommandContext) {
  const { actor, clock } = context;
  const result = await context.withDatabase(({ pool }) =>
    withTransaction(pool, (tx) => reverseTransaction(tx, { id, actor, reason: why, dryRun }, { clock })),
  );
  if (result.kind === 'refused') throw new PosternError(result.code, result.message);
  const view = transactionView(result.transaction, result.postings);
  if (context.json) return context.out(JSON.stringify({ dry_run: dryRun, transaction: view }, null, 2));
  context.out(`${dryRun ? 'Would be posted' : view.id}, accounted on ${view.accounting_date}, reverses ${id}`);
  context.out(transactionText(view));
}
