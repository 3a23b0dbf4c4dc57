import { describe, expect, it } from 'vitest';
import { expectedOf } from '../../src/commands/simulate-expectations.ts';
import { providers } from '../../src/providers/index.ts';
import type { ActiveSecret, Provider, Verdict, WebhookRequest } from '../../src/providers/provider.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import { type SimulatedTarget, type Simulator, simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { simulators } from '../../src/simulate/simulators.ts';
import {
  type PlannedRequest,
  planTraffic,
  type TrafficPlan,
  tamperingsOf,
  wholeLives,
} from '../../src/simulate/traffic.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
const NAMES = [...simulators.keys()];
/** Their webhooks name objects: without a key for the API, money waits. */
const WAITING = ['amazon-pay', 'gocardless', 'klarna', 'plaid', 'wise', 'xendit'];
const PLAN: TrafficPlan = {
  seed: 7,
  providers: NAMES,
  startedAt: NOW - 86_400_000,
  account: 'sim',
  duplicates: 0.1,
  tampered: 0.1,
  disorder: 0.2,
};
const certificates = { get: () => undefined };

function simulatorNamed(name: string): Simulator {
  const simulator = simulators.get(name);
  if (simulator === undefined) throw new Error(name);
  return simulator;
}

type Endpoint = { readonly target: SimulatedTarget; readonly secrets: ActiveSecret[] };

const endpoints = new Map(
  NAMES.map((name): [string, Endpoint] => {
    const where = { url: `https://gateway.example/webhooks/${name}/sim`, account: 'sim' };
    const made = simulatedEndpoint(simulatorNamed(name), where, { random: createRandom(name), now: NOW });
    return [name, { target: made.target, secrets: made.secrets.map((secret, i) => ({ id: `s${i}`, secret })) }];
  }),
);

function endpointOf(name: string): Endpoint {
  const endpoint = endpoints.get(name);
  if (endpoint === undefined) throw new Error(name);
  return endpoint;
}

function adapterOf(name: string): Provider {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(name);
  return provider;
}

function signed(planned: Omit<PlannedRequest, 'number'>): { request: WebhookRequest; target: SimulatedTarget } {
  const { target } = endpointOf(planned.provider);
  return { request: signRequest(planned, target, NOW), target };
}

function verdictOf(planned: Omit<PlannedRequest, 'number'>): Verdict {
  const { request, target } = signed(planned);
  const { secrets } = endpointOf(planned.provider);
  return adapterOf(planned.provider).verify(request, { secrets, settings: target.settings, now: NOW, certificates });
}

function take(plan: TrafficPlan, count: number): PlannedRequest[] {
  const made: PlannedRequest[] = [];
  for (const planned of planTraffic(plan)) {
    made.push(planned);
    if (made.length === count) break;
  }
  return made;
}

function idsOf(planned: PlannedRequest): string[] {
  const { request, target } = signed(planned);
  const identified = adapterOf(planned.provider).identify(request, target.settings);
  if (identified.kind !== 'events')
    throw new Error(`${planned.provider}: ${identified.kind} ${planned.body.slice(0, 300)}`);
  // An id that is not signed counts only together with the content.
  return identified.events.map((event) =>
    event.idSigned ? event.id : `${event.id} ${event.fingerprint().toString('hex')}`,
  );
}

it('every processor is simulated', () => {
  expect(NAMES).toEqual([...providers.keys()]);
});

describe('planned traffic', () => {
  const planned = take(PLAN, 4_000);

  it('is the same, byte for byte, for the same seed, and another for another', () => {
    expect(take(PLAN, 200)).toEqual(planned.slice(0, 200));
    expect(take({ ...PLAN, seed: 8 }, 200)).not.toEqual(planned.slice(0, 200));
  });

  it('covers every provider and keeps its shares', () => {
    expect(new Set(planned.map((one) => one.provider))).toEqual(new Set(NAMES));
    const share = (expected: string): number =>
      planned.filter((one) => one.expect === expected).length / planned.length;
    expect(share('duplicate')).toBeGreaterThan(0.07);
    expect(share('duplicate')).toBeLessThan(0.13);
    expect(share('rejected')).toBeGreaterThan(0.07);
    expect(share('rejected')).toBeLessThan(0.13);
  });

  it.each(NAMES)('%s: what is honest verifies, what is tampered with does not', (name) => {
    const mine = planned.filter((one) => one.provider === name).slice(0, 150);
    for (const one of mine) {
      const { kind } = verdictOf(one);
      expect({ number: one.number, tampering: one.tampering, kind }).toEqual({
        number: one.number,
        tampering: one.tampering,
        kind: one.expect === 'rejected' ? 'rejected' : 'authentic',
      });
    }
    expect(mine.length).toBeGreaterThan(30);
  });

  it.each(NAMES)('%s: every forgery its scheme shows is refused, of whatever event', (name) => {
    const [life] = wholeLives(name, { seed: 4, count: 1, startedAt: NOW, account: 'sim' });
    const kinds = tamperingsOf(simulatorNamed(name));
    expect(kinds).toEqual(expect.arrayContaining(['signature', 'unsigned']));
    for (const request of life?.requests ?? []) {
      for (const tampering of kinds)
        expect({ tampering, kind: verdictOf({ ...request, tampering }).kind }).toEqual({ tampering, kind: 'rejected' });
    }
  });

  it('has a new id for every new event, and a known body for every duplicate', () => {
    const seen = new Set<string>();
    const bodies = new Set<string>();
    // Plaid's hints of one second are one: they name nothing.
    const named = planned.filter(({ provider }) => provider !== 'plaid');
    for (const one of named.filter(({ expect: expected }) => expected !== 'rejected')) {
      if (one.expect === 'duplicate') {
        expect(bodies.has(one.body)).toBe(true);
        continue;
      }
      bodies.add(one.body);
      for (const id of idsOf(one)) {
        const key = `${one.provider}/${one.destination}/${id}`;
        expect(seen.has(key), key).toBe(false);
        seen.add(key);
      }
    }
  });

  it('keeps the order of a payment without disorder, and breaks it with', () => {
    const steps = (disorder: number): number[] =>
      take({ ...PLAN, providers: ['stripe'], disorder, duplicates: 0, tampered: 0 }, 400).flatMap((one) => {
        const body = JSON.parse(one.body) as {
          created: number;
          object: string;
          data?: { object: { charge?: string; id: string } };
        };
        return body.object === 'event' && body.data !== undefined ? [body.created] : [];
      });
    const backwards = (times: number[]): number =>
      times.filter((time, i) => i > 0 && time < (times[i - 1] ?? 0)).length;
    expect(steps(0)).not.toEqual(steps(0.5));
    expect(backwards(steps(0.5))).toBeGreaterThan(0);
  });

  it('takes no providers it has no simulator for', () => {
    expect(() => take({ ...PLAN, providers: ['acme'] }, 1)).toThrow('no simulator for "acme"');
  });
});

describe('whole lives', () => {
  it.each(NAMES)('%s: of 60 lives every event is understood, and money posts or waits for the API', (name) => {
    const { target } = endpointOf(name);
    const statuses = new Map<string, number>();
    const kinds = new Set<string>();
    for (const { requests } of wholeLives(name, { seed: 3, count: 60, startedAt: NOW, account: 'sim' })) {
      for (const planned of requests) {
        const request = signRequest(planned, target, NOW);
        const identified = adapterOf(name).identify(request, target.settings);
        if (identified.kind !== 'events') throw new Error(identified.kind);
        expect(identified.events.filter(({ live }) => live === true)).toEqual([]);
        for (const { status, reason, type, canonical } of expectedOf(name, request, target, NOW)) {
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          for (const effect of canonical) kinds.add(effect.type);
          if (status === 'dead' || (status === 'deferred' && !reason?.startsWith('waits for api_key')))
            throw new Error(`${type} is ${status}: ${reason}`);
        }
      }
    }
    const waits = WAITING.includes(name);
    expect({ waits: (statuses.get('deferred') ?? 0) >= 60, posts: kinds.has('payment.captured') }).toEqual({
      waits,
      posts: !waits,
    });
    if (!waits) expect(statuses.get('deferred')).toBeUndefined();
  });

  it('are the same for the same seed, whatever number is asked for', () => {
    const of = (count: number): string[] =>
      wholeLives('stripe', { seed: 5, count, startedAt: NOW, account: 'sim' }).map(({ requests }) =>
        requests.map((r) => r.body).join('\n'),
      );
    expect(of(20).slice(0, 10)).toEqual(of(10));
  });

  it('never take back more than was captured', () => {
    for (const { life } of wholeLives('stripe', { seed: 11, count: 300, startedAt: NOW, account: 'sim' })) {
      const captured = (life.captures ?? [life.amount]).reduce((sum, part) => sum + part, 0n);
      const refunded = life.refunds.reduce((sum, { amount }) => sum + amount, 0n);
      expect(captured <= life.amount && refunded <= captured && captured > 0n).toBe(true);
    }
  });
});
