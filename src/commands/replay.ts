import { type Command, InvalidArgumentError } from 'commander';
import { messageOf } from '../errors.ts';
import { type EventFilter, readEventFilter } from '../ingest/event-filter.ts';
import { REPLAY_RATE_DEFAULT, REPLAY_RATE_MAX } from '../ingest/replay/replay.ts';
import type { CommandContext } from './context.ts';
import { type EventFilterOptions, eventFilterOf, withEventFilter } from './event-filter-options.ts';
import { askAndFollow, type ReplayView } from './replay-follow.ts';
import { replayText } from './replay-text.ts';

type Options = {
  readonly reason?: string;
  readonly dryRun: boolean;
  readonly detach: boolean;
};
type FilterOptions = Options & EventFilterOptions & { readonly filter?: EventFilter; readonly rate: number };

const DRY_RUN_REASON = 'dry run';

/** `replay`: the events of a filter. */
export function register(program: Command, context: CommandContext): void {
  const command = program
    .command('replay')
    .description('run events again, in a lane of their own: what died or waits anew, of what is through what it lacks')
    .option(
      '--filter <name=value...>',
      'which events, with the names of GET /events; the same as the options below',
      filterPart,
    );
  withCommonOptions(withEventFilter(command))
    .option('--rate <n>', 'events a second at most; live events come first whatever it is', rate, REPLAY_RATE_DEFAULT)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern replay --filter status=dead type=charge.succeeded --dry-run\n' +
        '  npx postern replay --status dead --type charge.succeeded --reason "the rule of release 7 is mended" --json',
    )
    .action((options: FilterOptions) => replayFilter(options, command, context));
}

/** `events replay`: one event. */
export function registerEventReplay(events: Command, context: CommandContext): void {
  const command = events
    .command('replay')
    .description('run one event again')
    .argument('<id>', 'its id, as events list shows it');
  withCommonOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern events replay 019a0c5e-8f00-7000-8000-000000000000 --dry-run\n' +
        '  npx postern events replay 019a0c5e-8f00-7000-8000-000000000000 --reason "the key is set now"',
    )
    .action((id: string, options: Options) => run({ target: { event: id } }, options, command, context));
}

function withCommonOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why: it is kept with who asked; not needed on a dry run')
    .option('--dry-run', 'only tell what would be posted, and how it differs from what is', false)
    .option('--detach', 'leave it to the gateway that runs, and do not wait', false);
}

async function replayFilter(options: FilterOptions, command: Command, context: CommandContext): Promise<void> {
  const filter = { ...options.filter, ...eventFilterOf(options) };
  if (Object.keys(filter).length === 0)
    command.error('say which events: --filter status=dead, or --from for all since then');
  await run({ target: { filter }, rate: options.rate }, options, command, context);
}

async function run(
  wish: { target: { event: string } | { filter: EventFilter }; rate?: number },
  { reason = '', dryRun, detach }: Options,
  command: Command,
  context: CommandContext,
): Promise<void> {
  if (reason.trim() === '' && !dryRun) command.error('say why with --reason: it is kept with who asked');
  const view = await askAndFollow(
    { ...wish, reason: reason === '' ? DRY_RUN_REASON : reason, dryRun },
    detach,
    context,
  );
  tell(view, context);
  if (view.failed > 0 || view.status === 'failed' || view.status === 'cancelled') context.fail();
}

function tell(view: ReplayView, context: CommandContext): void {
  context.out(context.json ? JSON.stringify(view, null, 2) : replayText(view));
}

function filterPart(text: string, before: EventFilter = {}): EventFilter {
  const [, name, value] = /^([a-z_]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('name=value, such as status=dead');
  try {
    return { ...before, ...readEventFilter({ [name]: value }) };
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}

function rate(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < 1 || value > REPLAY_RATE_MAX)
    throw new InvalidArgumentError(`events a second, from 1 to ${REPLAY_RATE_MAX}`);
  return value;
}
