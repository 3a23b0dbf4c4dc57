import type { EndpointSettings } from '../../src/providers/provider.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { sendOne } from '../../src/simulate/send.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import { type SimulatedTarget, simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { type PlannedRequest, planTraffic, simulatorOf } from '../../src/simulate/traffic.ts';
import type { Api } from './release-runner.ts';
import { chargeSucceeded } from './stripe-bodies.ts';

/*
 * What the upgrade test sends, and where to. Endpoints are made through the HTTP API, because on the database of an
 * earlier release our own stores may already ask for columns that are not there.
 */

/** Processors of the first release; later ones would find no adapter there. */
const PROVIDERS = ['stripe', 'adyen', 'paypal', 'square', 'standard-webhooks'] as const;
const ACCOUNT = 'upgrade';
const HOST = 'https://hooks.shop.test';
const TIMEOUT_MS = 15_000;

/** Makes an endpoint of `provider` and returns how to sign for it. Its address has no gateway's origin: there are several. */
export async function makeTarget(
  api: Api,
  provider: string,
  name: string,
  { account, settings }: { account: string; settings?: EndpointSettings },
): Promise<SimulatedTarget> {
  const where = { url: `${HOST}/webhooks/${provider}/${name}`, account };
  const with_ = { random: createRandom(`${provider}/${name}`), now: Date.now() };
  const { target, secrets } = simulatedEndpoint(simulatorOf(provider), where, with_);
  const all: EndpointSettings = { ...target.settings, account, ...settings };
  await api('POST', '/endpoints', { provider, name, secrets, settings: all });
  return { ...target, settings: all };
}

/** The endpoints of `mixedTraffic`, by provider and destination. */
export async function makeTargets(api: Api): Promise<ReadonlyMap<string, SimulatedTarget>> {
  const targets = new Map<string, SimulatedTarget>();
  for (const provider of PROVIDERS) {
    for (const destination of provider === 'stripe' ? ['main', 'thin'] : ['main']) {
      const target = await makeTarget(api, provider, destination, { account: ACCOUNT });
      targets.set(`${provider}/${destination}`, target);
    }
  }
  return targets;
}

/** Lives of all processors with duplicates and disorder, and between them charges that can be counted by their ids. */
export function* mixedTraffic(seed: string): Generator<PlannedRequest, never> {
  const startedAt = Date.now() - 86_400_000;
  const plan = { seed, providers: PROVIDERS, startedAt, account: ACCOUNT, duplicates: 0.1, tampered: 0, disorder: 0.1 };
  for (const planned of planTraffic(plan)) {
    yield planned;
    const charge = `${seed}x${planned.number}`;
    yield planOf('stripe', chargeSucceeded(charge), planned.number);
  }
  throw new Error('the plan has no end');
}

/** The next `count` of a plan, which goes on after them. */
export function* take(plan: Iterator<PlannedRequest, never>, count: number): Generator<PlannedRequest> {
  for (let taken = 0; taken < count; taken += 1) yield plan.next().value;
}

/** The id of a charge that `mixedTraffic(seed)` made; null for what is simulated. */
export function chargeIdOf({ body }: PlannedRequest, seed: string): string | null {
  const { id }: { id?: unknown } = JSON.parse(body);
  return typeof id === 'string' && id.startsWith(`evt_${seed}x`) ? id : null;
}

/** One signed request to the gateway at `origin`; resolves with the status, 0 without an answer. */
export async function sendBody(
  origin: string,
  provider: string,
  target: SimulatedTarget,
  body: string,
): Promise<number> {
  const planned = planOf(provider, body, 0);
  const signed = signRequest(planned, target, Date.now());
  const url = origin + new URL(target.url).pathname;
  return (await sendOne(planned, { ...signed, url }, undefined, TIMEOUT_MS)).status;
}

function planOf(provider: string, body: string, number: number): PlannedRequest {
  return { number, provider, destination: 'main', body, events: 1, expect: 'accepted', tampering: null };
}
