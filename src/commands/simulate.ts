import { type Command, InvalidArgumentError, Option } from 'commander';
import { simulators } from '../simulate/simulators.ts';
import type { CommandContext } from './context.ts';
import { simulateOnce } from './simulate-once.ts';
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
    .addHelpText(
      'after',
      `\nProcessors:\n${listed(NAMES)}\n` +
        '\nExamples:\n  npx postern simulate --once stripe\n  npx postern simulate --rate 200 --seconds 30 --duplicates 0.2' +
        '\n  npx postern simulate --providers adyen,mollie,shopify',
    )
    .action((options: SimulateOptions & { readonly once?: string }) =>
      options.once === undefined ? simulateTraffic(options, context) : simulateOnce(options, options.once, context),
    );
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
