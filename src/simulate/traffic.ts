import { fitLife } from './fit-life.ts';
import { type Life, liveOnce } from './life.ts';
import { createRandom, type Random } from './random.ts';
import type { Simulator, Tampering } from './simulator.ts';
import { simulators } from './simulators.ts';
import type { ToldEvent } from './told-event.ts';

/** A request before it is signed: what it holds and what must become of it. */
export type PlannedRequest = {
  readonly number: number;
  readonly provider: string;
  readonly destination: 'main' | 'thin';
  readonly body: string;
  readonly events: number;
  readonly expect: 'accepted' | 'duplicate' | 'rejected';
  readonly tampering: Tampering | null;
};

export type TrafficPlan = {
  readonly seed: string | number;
  readonly providers: readonly string[];
  /** Unix ms: when the lives begin. The same plan has the same bytes only with the same start. */
  readonly startedAt: number;
  /** The processor account bodies name. */
  readonly account: string;
  /** Shares of all requests, from 0 to 1. */
  readonly duplicates: number;
  readonly tampered: number;
  /** The share of new requests that come later than they should. */
  readonly disorder: number;
};

const LIVES_AT_ONCE = 8;
const REMEMBERED = 200;
const LATE_BY_MAX = 20;
const LIFE_APART_MS = 1000;

/** Requests without end, each provider in turn by chance; take as many as you want. Pure: nothing is sent or signed. */
export function* planTraffic(plan: TrafficPlan): Generator<PlannedRequest, never> {
  const random = createRandom(plan.seed);
  const sources = plan.providers.map((name) => freshRequests(simulatorOf(name), plan, random.fork(name)));
  const late: { due: number; request: FreshRequest }[] = [];
  const sent: FreshRequest[] = [];
  for (let number = 1; ; number += 1) {
    const kind = random.fraction();
    if (kind < plan.tampered) {
      const tampering = tamperingFor(random.pick(sources).preview(), random);
      yield { number, ...tampering };
      continue;
    }
    if (kind < plan.tampered + plan.duplicates && sent.length > 0) {
      yield { number, ...random.pick(sent), expect: 'duplicate', tampering: null };
      continue;
    }
    const request = nextInDisorder(number);
    sent.push(request);
    if (sent.length > REMEMBERED) sent.shift();
    yield { number, ...request, expect: 'accepted', tampering: null };
  }

  function nextInDisorder(number: number): FreshRequest {
    const due = late.findIndex((one) => one.due <= number);
    const [held] = due === -1 ? [] : late.splice(due, 1);
    if (held !== undefined) return held.request;
    const request = random.pick(sources).next();
    if (!random.chance(plan.disorder)) return request;
    late.push({ due: number + random.between(2, LATE_BY_MAX), request });
    return random.pick(sources).next();
  }
}

/** The whole lives of `count` payments of one provider, as requests of one event each, in the order they happen. */
export function wholeLives(
  provider: string,
  options: { seed: string | number; count: number; startedAt: number; account: string },
): { life: Life; requests: readonly Omit<PlannedRequest, 'number'>[] }[] {
  const simulator = simulatorOf(provider);
  const random = createRandom(options.seed).fork(provider);
  return Array.from({ length: options.count }, (_, index) => {
    const life = lived(simulator, index + 1, options.startedAt + index * LIFE_APART_MS, random.fork(index + 1));
    const requests = simulator.tell(life, options.account).map((told) => ({
      ...requestOf(simulator, [told]),
      expect: 'accepted' as const,
      tampering: null,
    }));
    return { life, requests };
  });
}

export function simulatorOf(provider: string): Simulator {
  const simulator = simulators.get(provider);
  if (simulator === undefined)
    throw new RangeError(`no simulator for "${provider}"; there are ${[...simulators.keys()].join(', ')}`);
  return simulator;
}

/** A life as it can be lived at this processor. */
function lived(simulator: Simulator, number: number, startedAt: number, random: Random): Life {
  return fitLife(liveOnce(number, startedAt, random, simulator.currencies), simulator.abilities);
}

type FreshRequest = Pick<PlannedRequest, 'provider' | 'destination' | 'body' | 'events'>;
type Source = { next(): FreshRequest; preview(): FreshRequest };

/** Some payments live at once; each next request is the next step of one of them. */
function freshRequests(simulator: Simulator, plan: TrafficPlan, random: Random): Source {
  const living: ToldEvent[][] = [];
  let born = 0;

  function bear(): ToldEvent[] {
    born += 1;
    const life = lived(simulator, born, plan.startedAt + born * LIFE_APART_MS, random.fork(`life${born}`));
    return simulator.tell(life, plan.account);
  }

  function nextEvent(): ToldEvent {
    while (living.length < LIVES_AT_ONCE) living.push(bear());
    const index = random.between(0, living.length - 1);
    const told = living[index]?.shift();
    if (living[index]?.length === 0) living.splice(index, 1);
    return told ?? nextEvent();
  }

  return {
    next() {
      const events = [nextEvent()];
      // Most requests carry one event even where the processor may send several.
      while (events.length < (simulator.batch?.eventsMax ?? 1) && random.chance(0.15)) events.push(nextEvent());
      return requestOf(simulator, events);
    },
    // From a life of its own that nobody else tells: a forgery names a payment we never hear of otherwise.
    preview() {
      const life = lived(simulator, 0, plan.startedAt, random.fork(`forged${born}/${random.between(0, 1e9)}`));
      return requestOf(simulator, simulator.tell(life, plan.account).slice(0, 1));
    },
  };
}

function requestOf(simulator: Simulator, told: readonly ToldEvent[]): FreshRequest {
  return {
    provider: simulator.provider,
    destination: told[0]?.destination ?? 'main',
    body: simulator.batch?.envelope(told.map(({ content }) => content)) ?? told[0]?.content ?? '',
    events: told.length,
  };
}

function tamperingFor(request: FreshRequest, random: Random): Omit<PlannedRequest, 'number'> {
  return { ...request, expect: 'rejected', tampering: random.pick(tamperingsOf(simulatorOf(request.provider))) };
}

const TAMPERINGS: readonly Tampering[] = ['body', 'signature', 'unsigned', 'stale'];

/** What the processor's scheme shows: one that signs no time cannot tell a stale request, one that signs nothing no changed body. */
export function tamperingsOf({ forgeries }: Simulator): readonly Tampering[] {
  return TAMPERINGS.filter((tampering) => forgeries?.[tampering] !== null);
}
