import type { Command } from 'commander';
import { currencyExponent } from '../currency.ts';
import { PosternError } from '../errors.ts';
import { type Balance, balancesOf, trialBalance } from '../ledger/balance-store.ts';
import { findAccount } from '../ledger/queries-store.ts';
import { formatMajor } from '../money.ts';
import type { CommandContext } from './context.ts';
import { register as registerExport } from './ledger-export.ts';
import { register as registerRederive } from './ledger-rederive.ts';
import { registerReverse } from './ledger-reverse.ts';
import { registerVerify } from './ledger-verify.ts';
import { LIMIT_DEFAULT, limit, time } from './options.ts';
import { table } from './table.ts';

type BalanceOptions = { readonly at?: Date; readonly limit: number };

/** Currencies unknown to us are shown in minor units. */
const EXPONENT_UNKNOWN = 0;

export function register(program: Command, context: CommandContext): void {
  const ledger = program
    .command('ledger')
    .description('the books')
    .addHelpText('after', '\nExample:\n  npx postern ledger balance');
  ledger
    .command('balance')
    .description('the balances of an account, debits − credits; without one, the trial balance')
    .argument('[account]', 'its path, such as asset:processor_pending:stripe:main')
    .option('--at <time>', 'as of this day or time, instead of now', time)
    .option('--limit <n>', 'at most so many lines of the trial balance; --json has them all', limit, LIMIT_DEFAULT)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern ledger balance\n  npx postern ledger balance income:revenue --at 2026-01-31',
    )
    .action((account: string | undefined, options: BalanceOptions) =>
      account === undefined ? trial(options, context) : balance(account, options, context),
    );
  registerExport(ledger, context);
  registerRederive(ledger, context);
  registerVerify(ledger, context);
  registerReverse(ledger, context);
}

async function balance(path: string, { at = null }: { at?: Date | null }, context: CommandContext): Promise<void> {
  const { account, balances } = await context.withDatabase(async ({ sql }) => {
    const found = (await findAccount(sql, path)) ?? (await findAccount(sql, `asset:client:${path}`));
    if (found === null) {
      throw new PosternError(
        'not_found',
        `there is no account ${path}: "npx postern ledger balance" shows those there are; each comes with its first posting`,
      );
    }
    return { account: found.path, balances: await balancesOf(sql, found.id, { at, knownAt: null }) };
  });
  if (context.json) {
    const shown = balances.map((one) => ({
      currency: one.currency,
      exponent: currencyExponent(one.currency) ?? EXPONENT_UNKNOWN,
      ...amounts(one),
    }));
    const view = { account, at: at?.toISOString() ?? null, known_at: null, balances: shown };
    return context.out(JSON.stringify(view, null, 2));
  }
  if (balances.length === 0) return context.out(`${account} has no postings${at === null ? '' : ' by then'}.`);
  context.out(`${account}\n`);
  context.out(table<Balance>(MONEY, balances));
}

async function trial(
  { at = null, limit: max }: { at?: Date | null; limit: number },
  context: CommandContext,
): Promise<void> {
  const rows = await context.withDatabase(({ sql }) => trialBalance(sql, { at }));
  const totals = totalsOf(rows);
  if (context.json) {
    const view = {
      at: at?.toISOString() ?? null,
      accounts: rows.map((row) => ({ account: row.account, currency: row.currency, ...amounts(row) })),
      totals: totals.map(({ currency, debits, credits }) => ({
        currency,
        debits: String(debits),
        credits: String(credits),
      })),
    };
    return context.out(JSON.stringify(view, null, 2));
  }
  if (rows.length === 0) {
    return context.out(
      'Nothing is posted yet. Send a signed event and look again:\n\n  npx postern simulate --once stripe',
    );
  }
  context.out(
    table(
      [{ title: 'ACCOUNT', of: (row) => row.account }, ...MONEY],
      [...rows.slice(0, max), ...totals.map((total) => ({ ...total, account: 'total' }))],
    ),
  );
  if (rows.length > max) context.out(`\n${rows.length - max} lines more: --limit, or all of them with --json`);
}

const MONEY = [
  { title: 'CURRENCY', of: (row: Balance) => row.currency },
  { title: 'DEBITS', of: (row: Balance) => major(row.debits, row), right: true },
  { title: 'CREDITS', of: (row: Balance) => major(row.credits, row), right: true },
  { title: 'BALANCE', of: (row: Balance) => major(row.balance, row), right: true },
];

function major(amount: bigint, { currency }: Balance): string {
  return formatMajor(amount, currencyExponent(currency) ?? EXPONENT_UNKNOWN);
}

function amounts({ debits, credits, balance: left }: Balance): { debits: string; credits: string; balance: string } {
  return { debits: String(debits), credits: String(credits), balance: String(left) };
}

function totalsOf(rows: readonly Balance[]): Balance[] {
  const totals = new Map<string, Balance>();
  for (const { currency, ...row } of rows) {
    const before = totals.get(currency) ?? { debits: 0n, credits: 0n, balance: 0n };
    totals.set(currency, {
      currency,
      debits: before.debits + row.debits,
      credits: before.credits + row.credits,
      balance: before.balance + row.balance,
    });
  }
  return [...totals.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1));
}
