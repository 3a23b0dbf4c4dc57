import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { Command, CommanderError, Help, type Option } from 'commander';
import { type CommandContext, createCommandContext } from './commands/context.ts';
import { oneLine } from './commands/table.ts';
import { messageOf, PosternError } from './errors.ts';

const DONE = 0;
const FAILED = 1;
const WRONG_USE = 2;
const INPUT_BYTES_MAX = 65_536;

type CommandModule = { register(program: Command, context: CommandContext): void };

const loadStart = (): Promise<CommandModule> => import('./commands/start.ts');

/** The modules of all commands, by the names they register. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  start: loadStart,
  serve: loadStart,
  work: loadStart,
  migrate: () => import('./commands/migrate.ts'),
  endpoint: () => import('./commands/endpoint.ts'),
  token: () => import('./commands/token.ts'),
  events: () => import('./commands/events.ts'),
  replay: () => import('./commands/replay.ts'),
  replays: () => import('./commands/replays.ts'),
  backfill: () => import('./commands/backfill.ts'),
  queue: () => import('./commands/queue.ts'),
  quarantine: () => import('./commands/quarantine.ts'),
  ledger: () => import('./commands/ledger.ts'),
  report: () => import('./commands/report.ts'),
  audit: () => import('./commands/audit.ts'),
  discrepancies: () => import('./commands/discrepancies.ts'),
  settlement: () => import('./commands/settlement.ts'),
  bank: () => import('./commands/bank.ts'),
  explain: () => import('./commands/explain.ts'),
  vectors: () => import('./commands/vectors.ts'),
  simulate: () => import('./commands/simulate.ts'),
  doctor: () => import('./commands/doctor.ts'),
};

/** After this a gateway that was told to stop ends with what it has: under the 30 s that containers are given. */
const STOP_WITHIN_MS = 25_000;

/**
 * The command line: resolves with the exit status, 0 done, 1 failed, 2 wrong use. Errors are one line on standard error.
 * `stopWithinMs` is another than its own in tests only.
 */
export async function main(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  { stopWithinMs = STOP_WITHIN_MS }: { readonly stopWithinMs?: number } = {},
): Promise<number> {
  endWithReader(process.stdout);
  endWithReader(process.stderr);
  let status = DONE;
  const context: CommandContext = createCommandContext({
    env,
    isJson: () => program.opts<{ json?: boolean }>().json === true,
    user: userName(),
    out: (text) => process.stdout.write(`${text}\n`),
    stream: (text) => pipeline(text, process.stdout, { end: false }),
    input: readInput,
    fail: () => {
      status = FAILED;
    },
    onSignal,
    stopWithinMs,
  });
  const program = await createProgram(context, argv);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    // commander has printed what it had to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USE;
    process.stderr.write(`postern: ${describe(error, env)}\n`);
    return FAILED;
  }
}

/**
 * The command line. Only what `argv` names is loaded: half the time of a short command is reading modules. Where it names
 * none, all are. Registering asks nothing of the context; only running a command does.
 */
export async function createProgram(context: CommandContext, argv: readonly string[] = []): Promise<Command> {
  const program = new Command('postern')
    .description('Webhook ingestion gateway for payment processors')
    .version(version(), '--version', 'print the version')
    .option('--json', 'print JSON')
    .configureHelp({ showGlobalOptions: true, optionDescription: optionText })
    .configureOutput({
      outputError: (text, write) => write(`postern: ${oneLine(text.replace(/^error: /, '')).trim()}; see --help\n`),
    })
    .exitOverride()
    .addHelpText('after', '\nExample:\n  npx postern start');
  const named = argv.find((word) => !word.startsWith('-')) ?? '';
  const loads = Object.hasOwn(COMMANDS, named) ? [COMMANDS[named]] : Object.values(COMMANDS);
  for (const load of new Set(loads)) (await load?.())?.register(program, context);
  return program;
}

/** Commander's own, but for defaults that say nothing: an option that is not given, and a list of none. */
function optionText(option: Option): string {
  const { defaultValue } = option;
  const isNothing = defaultValue === false || (Array.isArray(defaultValue) && defaultValue.length === 0);
  const shown = isNothing ? Object.assign(Object.create(option), { defaultValue: undefined }) : option;
  return new Help().optionDescription(shown);
}

function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}

function describe(error: unknown, env: NodeJS.ProcessEnv): string {
  const wantsStack = ['debug', 'trace'].includes(env.LOG_LEVEL?.trim() ?? '');
  if (wantsStack && error instanceof Error) return error.stack ?? error.message;
  if (!(error instanceof PosternError))
    return `${oneLine(messageOf(error)) || 'unknown failure'} (LOG_LEVEL=debug shows where)`;
  const untold = error.faults.filter(({ path, message }) => !error.message.includes(`${path} ${message}`));
  return oneLine([error.message, ...untold.map(({ path, message }) => `${path} ${message}`)].join('; '));
}

/** In a container the user id may have no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (error instanceof Error) return `uid-${process.getuid?.() ?? 'unknown'}`;
    throw error;
  }
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > INPUT_BYTES_MAX)
      throw new PosternError('too_large', `standard input is over ${INPUT_BYTES_MAX} bytes: no secret is`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const onSignal: CommandContext['onSignal'] = (stop) => {
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  };
};

/** `postern events list | head`: the reader left, nothing more is wanted, and that is no failure to report. */
function endWithReader(stream: NodeJS.WriteStream): void {
  // Once, however often this is called in a process.
  if (!stream.listeners('error').includes(readerLeft)) stream.on('error', readerLeft);
}

function readerLeft(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(DONE);
}
