import { type Command, InvalidArgumentError, Option } from 'commander';
import { messageOf, PosternError } from '../errors.ts';
import { withTransaction } from '../postgres/sql.ts';
import type { WebhookRequest } from '../providers/provider.ts';
import { ensureSimulatedEndpoint, SIMULATED_ACCOUNT, targetOfEndpoint } from '../simulate/endpoints.ts';
import { refusalStatus, type SendSummary, sendOne, sendTraffic } from '../simulate/send.ts';
import { signRequest } from '../simulate/sign-request.ts';
import type { SimulatedTarget } from '../simulate/simulator.ts';
import { simulators } from '../simulate/simulators.ts';
import { type PlannedRequest, planTraffic, simulatorOf, wholeLives } from '../simulate/traffic.ts';
import type { CommandContext } from './context.ts';
import { gatewayUrl } from './gateway-url.ts';
import { showProgress } from './progress.ts';
import { createExpectations, expectedOf, readableExpectations } from './simulate-expectations.ts';

type SimulateOptions = {
  readonly once?: string;
  readonly rate: number;
  readonly seconds: number;
  readonly duplicates: number;
  readonly disorder: number;
  readonly tampered: number;
  readonly seed?: number;
  readonly providers: readonly string[];
  readonly url?: string;
  readonly endpoint?: string;
  readonly connections: number;
};

type Targets = ReadonlyMap<string, SimulatedTarget>;

const NAMES = [...simulators.keys()];
const TIMEOUT_MS = 20_000;
/** A gateway hears of a new endpoint at once, or at its next look 5 s later. */
const READY_WITHIN_MS = 10_000;
const READY_EVERY_MS = 250;
const REQUESTS_MAX = 10_000_000;
const DAY_MS = 86_400_000;
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
    .action((options: SimulateOptions) =>
      options.once === undefined ? traffic(options, context) : once(options, options.once, context),
    );
}

const LIVES_TRIED = 20;

async function once(options: SimulateOptions, provider: string, context: CommandContext): Promise<void> {
  const { clock } = context;
  const target = await context.withDatabase(async ({ pool, keyring }) =>
    withTransaction(pool, async (tx) => {
      const base = { baseUrl: baseUrlOf(options, context), keyring, clock };
      const [name, endpoint] = endpointOf(options) ?? [provider, 'sample'];
      if (name !== provider)
        throw new PosternError('invalid_request', `--once ${provider} cannot go to ${name}/${endpoint}`);
      // For whoever signs with a key pair of his own, none but simulate's own endpoint will do.
      const own = options.endpoint === undefined && simulatorOf(provider).keys.kind === 'pair';
      const found = own ? null : await targetOfEndpoint(tx, { ...base, provider, name: endpoint });
      if (found !== null) return found;
      if (options.endpoint !== undefined) throw unknownEndpoint(options.endpoint);
      return ensureSimulatedEndpoint(tx, { ...base, provider, destination: 'main' });
    }),
  );
  const seed = options.seed ?? Date.now();
  const lives = wholeLives(provider, {
    seed,
    count: LIVES_TRIED,
    startedAt: clock.now() - DAY_MS,
    account: target.account,
  });
  const planned = mostTelling(lives, target, clock.now());
  const sent = await sendUntilKnown(planned, target, context);
  const expected = expectedOf(provider, signRequest(planned, target, clock.now()), target, clock.now());
  if (context.json) {
    context.out(
      JSON.stringify(
        {
          url: target.url,
          status: sent.status,
          body: sent.body,
          ms: Math.round(sent.ms),
          expected: expected.map(({ status, reason }) => ({ status, reason })),
        },
        null,
        2,
      ),
    );
  } else {
    context.out(`POST ${target.url}\n${sent.status} ${sent.body}  (${Math.round(sent.ms)} ms)\n`);
    for (const { type, status, reason } of expected)
      if (status !== 'posted') context.out(`${type} posts nothing yet: ${reason}\n`);
    context.out(
      'What became of it:\n  npx postern events list\n  npx postern ledger balance\n' +
        `  npx postern simulate --providers ${provider}      more of it, with what goes wrong in life`,
    );
  }
  if (sent.status < 200 || sent.status > 299) context.fail();
}

/** The first event that puts money in the books; where none does without the API, one that waits to. */
function mostTelling(lives: ReturnType<typeof wholeLives>, target: SimulatedTarget, now: number): PlannedRequest {
  const whole = lives.filter(({ life }) => life.captures === null && !life.captureFails);
  const requests = [...whole, ...lives].flatMap((one) => one.requests);
  const outcomes = requests.map((request) => ({
    request,
    events: expectedOf(request.provider, signRequest(request, target, now), target, now),
  }));
  const moves = (events: ReturnType<typeof expectedOf>): boolean =>
    events.some(({ canonical }) => canonical.some(({ type }) => type !== 'payment.authorised'));
  const found =
    outcomes.find(({ events }) => moves(events)) ??
    outcomes.find(({ events }) => events.some(({ status }) => status === 'deferred')) ??
    outcomes[0];
  if (found === undefined) throw new PosternError('internal', 'lives without events');
  return { ...found.request, number: 1 };
}

async function traffic(options: SimulateOptions, context: CommandContext): Promise<void> {
  const { clock } = context;
  const chosen = endpointOf(options);
  const providers = chosen === null ? options.providers : [chosen[0]];
  const targets: Targets = await context.withDatabase(({ pool, keyring }) =>
    withTransaction(pool, async (tx) => {
      const made = new Map<string, SimulatedTarget>();
      const base = { baseUrl: baseUrlOf(options, context), keyring, clock };
      for (const provider of providers) {
        for (const destination of ['main', 'thin'] as const) {
          const target =
            chosen === null
              ? await ensureSimulatedEndpoint(tx, { ...base, provider, destination })
              : await targetOfEndpoint(tx, { ...base, provider, name: chosen[1] });
          if (target === null) throw unknownEndpoint(options.endpoint ?? '');
          made.set(`${provider}/${destination}`, target);
          if (simulatorOf(provider).sendsTwins !== true) break;
        }
      }
      return made;
    }),
  );
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const startedAt = clock.now() - DAY_MS;
  const account = [...targets.values()][0]?.account ?? SIMULATED_ACCOUNT;
  for (const [key, target] of targets) {
    const [provider = ''] = key.split('/');
    const [life] = wholeLives(provider, { seed: `ready${seed}`, count: 1, startedAt, account });
    const [first] = life?.requests ?? [];
    if (first !== undefined) await sendUntilKnown({ ...first, number: 0 }, target, context);
  }
  const total = Math.min(Math.ceil(options.rate * options.seconds), REQUESTS_MAX);
  const plan = planTraffic({ ...options, seed, providers, startedAt, account });
  const progress = context.json ? null : showProgress('sent', total);
  const expectations = createExpectations();
  const sign = (planned: PlannedRequest): WebhookRequest => {
    const [target, now] = [targetFor(planned, targets), clock.now()];
    const request = signRequest(planned, target, now);
    if (planned.expect === 'accepted') expectations.note(planned.provider, request, target, now);
    return request;
  };
  const summary = await sendTraffic(take(plan, total), sign, {
    rate: options.rate,
    connections: options.connections,
    timeoutMs: TIMEOUT_MS,
    onProgress: (sent) => progress?.update(sent),
  });
  progress?.end();
  const { byProvider } = expectations;
  if (context.json)
    context.out(JSON.stringify({ seed, ...summary, expected: Object.fromEntries(byProvider) }, null, 2));
  else context.out(`${readable(seed, summary)}\n\n${readableExpectations(byProvider)}`);
  if (summary.unexpected > 0) context.fail();
}

function targetFor(planned: PlannedRequest, targets: Targets): SimulatedTarget {
  const target = targets.get(`${planned.provider}/${planned.destination}`);
  if (target === undefined)
    throw new PosternError('internal', `no endpoint for ${planned.provider}/${planned.destination}`);
  return target;
}

/** Sends until the gateway knows the endpoint and its secret: both are new. */
async function sendUntilKnown(
  planned: PlannedRequest,
  target: SimulatedTarget,
  { clock }: CommandContext,
): ReturnType<typeof sendOne> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const sent = await sendOne(planned, signRequest(planned, target, clock.now()), undefined, TIMEOUT_MS);
    if (sent.error !== null) {
      throw new PosternError(
        'invalid_request',
        `no gateway answers at ${target.url} (${sent.error}): is it running? npx postern start, or --url`,
      );
    }
    const unknown = sent.status === 404 || sent.status === refusalStatus(planned.provider);
    if (!unknown || performance.now() > deadline) return sent;
    await new Promise((resolve) => setTimeout(resolve, READY_EVERY_MS));
  }
}

function readable(seed: number, summary: SendSummary): string {
  const lines = [
    `sent        ${summary.sent} in ${summary.seconds} s (seed ${seed})`,
    `accepted    ${summary.accepted}`,
    `refused     ${summary.refused} forged requests`,
    `unexpected  ${summary.unexpected}`,
    `answers     ${Object.entries(summary.by_status)
      .map(([status, count]) => `${status}: ${count}`)
      .join(', ')}`,
    `latency     p50 ${summary.p50_ms} ms, p99 ${summary.p99_ms} ms`,
    ...summary.examples.map((example) => `            ${example}`),
  ];
  return lines.join('\n');
}

function* take(plan: Iterable<PlannedRequest>, count: number): Generator<PlannedRequest> {
  let taken = 0;
  for (const planned of plan) {
    if (taken === count) return;
    taken += 1;
    yield planned;
  }
}

function endpointOf(options: SimulateOptions): [provider: string, name: string] | null {
  if (options.endpoint === undefined) return null;
  const [provider = '', name = '', more] = options.endpoint.split('/');
  if (!simulators.has(provider) || name === '' || more !== undefined) throw unknownEndpoint(options.endpoint);
  return [provider, name];
}

function unknownEndpoint(endpoint: string): PosternError {
  return new PosternError(
    'invalid_request',
    `there is no endpoint ${endpoint} to simulate: it is written provider/name, such as stripe/sample`,
  );
}

function baseUrlOf({ url }: SimulateOptions, context: CommandContext): string {
  if (url === undefined) return gatewayUrl(context.config());
  try {
    return new URL(url).toString().replace(/\/+$/, '');
  } catch (cause) {
    throw new PosternError('invalid_request', `--url ${url} is no URL: ${messageOf(cause)}`, { cause });
  }
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
