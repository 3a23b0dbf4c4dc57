import { type Command, InvalidArgumentError } from 'commander';
import { currencyExponent } from '../currency.ts';
import { ENDPOINTS_MAX, selectEndpoints } from '../endpoints/endpoint-store.ts';
import { createEndpointRegistry } from '../endpoints/registry.ts';
import { PosternError } from '../errors.ts';
import type { Finding, RederiveCounts } from '../ingest/rederive/finding.ts';
import { type RederiveOptions, rederive } from '../ingest/rederive/rederive.ts';
import type { Leg } from '../ledger/entry.ts';
import { createLog } from '../log.ts';
import { formatMajor } from '../money.ts';
import type { Sql } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';
import type { CommandContext, CommandDatabase } from './context.ts';
import { time } from './options.ts';
import { showCount } from './progress.ts';
import { oneLine } from './table.ts';

type Options = {
  readonly from?: Date;
  readonly to?: Date;
  readonly provider?: string;
  readonly endpoint?: string;
  readonly limit: number;
  readonly max: number;
};

const STDERR = 2;
const EXPONENT_UNKNOWN = 0;

export function register(ledger: Command, context: CommandContext): void {
  ledger
    .command('rederive')
    .description('run raw events through the present rules, in memory, and show every difference to what is posted')
    .option('--from <time>', 'events received at or after', time)
    .option('--to <time>', 'events received before; now when not given', time)
    .option('--provider <name>', 'events of this provider')
    .option('--endpoint <name>', 'events of endpoints of this name')
    .option('--limit <n>', 'at most so many events, the oldest', count, Number.MAX_SAFE_INTEGER)
    .option('--max <n>', 'exit with 1 when there are more differences than this', count, 0)
    .addHelpText(
      'after',
      '\nExamples:\n  npx postern ledger rederive\n  npx postern ledger rederive --provider stripe --from 2026-01-01 --json',
    )
    .action((options: Options) => run(options, context));
}

async function run(options: Options, context: CommandContext): Promise<void> {
  const counts = await context.withDatabase(async (database) => {
    const { client, endpoints } = await partsOf(database, context);
    const progress = showCount('events');
    try {
      const found = rederive(
        { client, endpoints },
        {
          from: options.from?.getTime() ?? 0,
          to: options.to?.getTime() ?? context.clock.now(),
          endpoints: await endpointsOf(database.sql, options),
          limit: options.limit,
          onProgress: (now) => progress.update(now.events, note(now)),
        },
      );
      return await tell(found, context);
    } finally {
      progress.end();
      await client.end();
    }
  });
  if (differencesOf(counts) > options.max) context.fail();
}

async function partsOf({ sql, keyring, reader }: CommandDatabase, { clock }: CommandContext) {
  const log = createLog('error', STDERR);
  const endpoints = createEndpointRegistry({ sql, providers, keyring, clock, log });
  await endpoints.load();
  const client = reader();
  // A connection that dies tells its statement; the event itself, heard by nobody, would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return { client, endpoints };
}

async function endpointsOf(sql: Sql, { provider, endpoint }: Options): Promise<RederiveOptions['endpoints']> {
  if (provider === undefined && endpoint === undefined) return null;
  const all = await selectEndpoints(sql, { after: 0, limit: ENDPOINTS_MAX });
  const chosen = all.filter(
    (one) => (provider ?? one.provider) === one.provider && (endpoint ?? one.name) === one.name,
  );
  if (chosen.length === 0) {
    throw new PosternError('not_found', `there is no endpoint ${provider ?? '(any)'}/${endpoint ?? '(any)'}`);
  }
  return chosen.map(({ id }) => id);
}

/** Each finding as it is found: there may be as many as events. */
async function tell(found: AsyncGenerator<Finding, RederiveCounts>, context: CommandContext): Promise<RederiveCounts> {
  const { json } = context;
  let end: RederiveCounts | undefined;
  async function* lines(): AsyncGenerator<string> {
    if (json) yield '{"findings":[';
    let isFirst = true;
    for (let next = await found.next(); ; next = await found.next()) {
      if (next.done === true) {
        end = next.value;
        break;
      }
      if (json) yield `${isFirst ? '\n' : ',\n'}${JSON.stringify(view(next.value))}`;
      else yield `${readable(next.value)}\n\n`;
      isFirst = false;
    }
    if (json) yield `\n],"differences":${differencesOf(end)},${JSON.stringify(end).slice(1)}\n`;
    else yield `${summary(end)}\n`;
  }
  await context.stream(lines());
  if (end === undefined) throw new PosternError('internal', 'the comparison ended without its counts');
  return end;
}

const differencesOf = ({ missing, extra, different }: RederiveCounts): number => missing + extra + different;

function note(counts: RederiveCounts): string {
  const n = differencesOf(counts);
  return n === 0 ? '' : `${n} differences`;
}

function summary(counts: RederiveCounts): string {
  const told: [number, string][] = [
    [counts.missing, 'missing'],
    [counts.extra, 'extra'],
    [counts.different, 'different'],
    [counts.newer_rule, 'posted by older rules, the same money'],
    [counts.other_order, 'posted in another order, the same in all'],
    [counts.bytes_gone, 'events without their bytes'],
    [counts.not_comparable, 'not comparable'],
    [counts.waiting, 'events that wait'],
    [counts.dead, 'dead'],
    [counts.dismissed, 'dismissed'],
  ];
  const parts = told.flatMap(([n, what]) => (n === 0 ? [] : [`${n} ${what}`]));
  const head = `${counts.events} events, ${counts.effects} transactions compared: `;
  return head + (parts.length === 0 ? 'no difference' : parts.join(', '));
}

function view({ kind, effectKey, event, transactions, reason, derived, posted }: Finding) {
  const postings = (legs: readonly Leg[] | null) => legs?.map(postingView) ?? null;
  return {
    kind,
    effect_key: effectKey,
    event,
    transactions,
    reason,
    derived: postings(derived),
    posted: postings(posted),
  };
}

function postingView({ account, amount, currency, reference, component }: Leg) {
  const direction = amount < 0n ? 'credit' : 'debit';
  const magnitude = String(amount < 0n ? -amount : amount);
  return { account: account.path, direction, amount: magnitude, currency, reference, component };
}

function readable({ kind, effectKey, event, transactions, reason, derived, posted }: Finding): string {
  const about = [
    ...(event === null ? [] : [`event ${event}`]),
    ...(transactions.length === 0 ? [] : [`transaction ${transactions.join(', ')}`]),
    ...(reason === null ? [] : [reason]),
  ];
  const sides = [
    ...(posted === null ? [] : ['  posted', ...posted.map(legText)]),
    ...(derived === null ? [] : ['  by the rules', ...derived.map(legText)]),
  ];
  return [
    oneLine(`${kind}  ${effectKey ?? ''}`).trimEnd(),
    ...about.map((text) => `  ${oneLine(text)}`),
    ...sides,
  ].join('\n');
}

function legText({ account, amount, currency, reference, component }: Leg): string {
  const item = [reference, component].filter((part) => part !== null).join(' ');
  const shown = formatMajor(amount, currencyExponent(currency) ?? EXPONENT_UNKNOWN).padStart(16);
  return oneLine(`    ${shown} ${currency}  ${account.path}${item === '' ? '' : ` [${item}]`}`);
}

function count(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number');
  return Number(text);
}
