import { PosternError } from '../errors.ts';
import { withTransaction } from '../postgres/sql.ts';
import { ensureSimulatedEndpoint, targetOfEndpoint } from '../simulate/endpoints.ts';
import { signRequest } from '../simulate/sign-request.ts';
import type { SimulatedTarget } from '../simulate/simulator.ts';
import { type PlannedRequest, simulatorOf, wholeLives } from '../simulate/traffic.ts';
import type { CommandContext } from './context.ts';
import type { ExplainedEvent } from './explain-events.ts';
import { expectedOf } from './simulate-expectations.ts';
import { baseUrlOf, endpointOf, type SimulateOptions, sendUntilKnown, unknownEndpoint } from './simulate-target.ts';

const DAY_MS = 86_400_000;
const LIVES_TRIED = 20;

/** Sends one event of `provider`, and says what came back and what is to become of it. */
export async function simulateOnce(options: SimulateOptions, provider: string, context: CommandContext): Promise<void> {
  const { clock } = context;
  const target = await context.withDatabase(async ({ pool, keyring }) =>
    withTransaction(pool, async (tx) => {
      const base = { baseUrl: baseUrlOf(options, context), keyring, clock, actor: context.actor };
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
  const shows = (wanted: (event: ExplainedEvent) => boolean) =>
    requests.find((one) => expectedOf(one.provider, signRequest(one, target, now), target, now).some(wanted));
  const found =
    shows(({ canonical }) => canonical.some(({ type }) => type !== 'payment.authorised')) ??
    shows(({ status }) => status === 'deferred') ??
    requests[0];
  if (found === undefined) throw new PosternError('internal', 'lives without events');
  return { ...found, number: 1 };
}
