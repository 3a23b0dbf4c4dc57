import { type Command, InvalidArgumentError, Option } from 'commander';
import { simulators } from '../simulate/simulators.ts';
import { FAULT_KINDS, type FaultKind } from '../simulate/world/faults.ts';
import type { CommandContext } from './context.ts';
import { simulateOnce } from './simulate-once.ts';
import { type ReportsOptions, simulateReports } from './simulate-reports.ts';
import type { SimulateOptions } from './simulate-target.ts';
import { simulateTraffic } from './simulate-traffic.ts';

const NAMES = [...simulators.keys()];
const LINE_CHARS = 78;

export function register(program: Command, context: CommandContext): void {
  program
    .command('simulate')
    .description('send signed traffic as the processors would, with what goes wrong in life; to endpoints of its own')
    .option('--once <provider>', 'send one freshly signed event, and show the answer', providerName)
    .option('--rate <n>', 'requests a second', within(0.1, 100_000), 50)
    .option('--seconds <n>', 'for how long', within(0.1, 86_400), 10)
    .option('--duplicates <share>', 'share of requests that are sent again', within(0, 0.9), 0.05)
    .option('--disorder <share>', 'share of events that come late', within(0, 0.9), 0.1)
    .option('--tampered <share>', 'share of requests that are forged, and must be refused', within(0, 0.9), 0.02)
    .option('--seed <n>', 'the same seed makes the same payments', within(0, 2 ** 48))
    .addOption(
      new Option('--providers <names>', 'some of those below, with commas between')
        .argParser(providerNames)
        .default(NAMES, 'all'),
    )
    .option('--connections <n>', 'at most so many at once', within(1, 1_000), 64)
    .option('--url <url>', 'where the gateway answers (default: PUBLIC_URL, else HOST and PORT)')
    .option('--endpoint <provider/name>', 'send to this endpoint instead, signed with its secret')
    .option('--reports <folder>', 'send nothing: write webhooks, settlement reports, bank statements and labels there')
    .option(
      '--faults <names>',
      'with --reports: what goes wrong, each on an account of its own; all, none',
      faultNames,
      [],
    )
    .option('--payments <n>', 'with --reports: payments a day of each account', within(6, 1_000_000), 6)
    .option('--start <day>', 'with --reports: the day before the first', dayOf, '2026-03-02')
    .addHelpText(
      'after',
      `\nProcessors:\n${listed(NAMES)}\n` +
        `\nFaults of --reports:\n${listed(FAULT_KINDS)}\n` +
        '\nExamples:\n  npx postern simulate --once stripe\n  npx postern simulate --rate 200 --seconds 30 --duplicates 0.2' +
        '\n  npx postern simulate --providers adyen,mollie,shopify' +
        '\n  npx postern simulate --reports ./world --providers adyen --faults bank_short --seed 7',
    )
    .action((options: SimulateOptions & Omit<ReportsOptions, 'reports'> & { once?: string; reports?: string }) => {
      const { once, reports } = options;
      if (reports !== undefined) return simulateReports({ ...options, reports }, context);
      return once === undefined ? simulateTraffic(options, context) : simulateOnce(options, once, context);
    });
}

function within(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`a number from ${min} to ${max}`);
    return value;
  };
}

/** Names in lines that fit a terminal. */
function listed(names: readonly string[]): string {
  const lines: string[] = [''];
  for (const name of names) {
    const line = `${lines.at(-1)}  ${name}`;
    if (line.length > LINE_CHARS) lines.push(`  ${name}`);
    else lines[lines.length - 1] = line;
  }
  return lines.join('\n');
}

function providerName(text: string): string {
  if (!simulators.has(text)) throw new InvalidArgumentError(`one of ${NAMES.join(', ')}`);
  return text;
}

function providerNames(text: string): string[] {
  if (text === 'all') return NAMES;
  return text.split(',').map((name) => providerName(name.trim()));
}

function faultNames(text: string): FaultKind[] {
  if (text === 'none') return [];
  if (text === 'all') return [...FAULT_KINDS];
  return text.split(',').map((name) => {
    const known = FAULT_KINDS.find((kind) => kind === name.trim());
    if (known === undefined) throw new InvalidArgumentError(`some of ${FAULT_KINDS.join(', ')}`);
    return known;
  });
}

function dayOf(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError('a day, such as 2026-03-02');
}
