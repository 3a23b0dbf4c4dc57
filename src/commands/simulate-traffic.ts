import { PosternError } from '../errors.ts';
import { withTransaction } from '../postgres/sql.ts';
import type { WebhookRequest } from '../providers/provider.ts';
import { ensureSimulatedEndpoint, SIMULATED_ACCOUNT, targetOfEndpoint } from '../simulate/endpoints.ts';
import { type SendSummary, sendTraffic } from '../simulate/send.ts';
import { signRequest } from '../simulate/sign-request.ts';
import type { SimulatedTarget } from '../simulate/simulator.ts';
import { type PlannedRequest, planTraffic, simulatorOf, wholeLives } from '../simulate/traffic.ts';
import type { CommandContext } from './context.ts';
import { showProgress } from './progress.ts';
import { createExpectations, readableExpectations } from './simulate-expectations.ts';
import {
  baseUrlOf,
  endpointOf,
  type SimulateOptions,
  sendUntilKnown,
  TIMEOUT_MS,
  unknownEndpoint,
} from './simulate-target.ts';

type Targets = ReadonlyMap<string, SimulatedTarget>;

const REQUESTS_MAX = 10_000_000;
const DAY_MS = 86_400_000;

/** Sends for as long as it is told, compares each answer with the plan, and says what is to become of it all. */
export async function simulateTraffic(options: SimulateOptions, context: CommandContext): Promise<void> {
  const { clock } = context;
  const chosen = endpointOf(options);
  const providers = chosen === null ? options.providers : [chosen[0]];
  const targets: Targets = await context.withDatabase(({ pool, keyring }) =>
    withTransaction(pool, async (tx) => {
      const made = new Map<string, SimulatedTarget>();
      const base = { baseUrl: baseUrlOf(options, context), keyring, clock, actor: context.actor };
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
