import { createRandom } from '../../src/simulate/random.ts';
import { simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { simulatorOf, wholeLives } from '../../src/simulate/traffic.ts';
import { moneyOfLives } from './life-money.ts';
import type { Request } from './processor-account.ts';

/* What the processors of the incident tell, and what it comes to. */

export const INCIDENT_ACCOUNT = 'incident';
/** What `release-with-a-bug.ts` cannot read. */
export const KILLED_TYPE = 'CAPTURE';

const LIVES = { stripe: 24, adyen: 30 } as const;
const STARTED_AT = Date.now() - 86_400_000;
const KILLED = new RegExp(`"eventCode": ?"${KILLED_TYPE}"`);

export type IncidentTraffic = {
  /** Of all payments, each with its events in their order, cut into so many parts as there are shares. */
  readonly parts: readonly (readonly Request[])[];
  /** As the processors add it up: by account and currency, in minor units. */
  readonly money: Readonly<Record<string, string>>;
  /** A capture of a payment that is none of these: somebody's test. */
  readonly test: Request;
};

export function planIncident(seed: string, shares: readonly number[]): IncidentTraffic {
  const told = Object.entries(LIVES).flatMap(([provider, count]) =>
    wholeLives(provider, { seed, count, startedAt: STARTED_AT, account: INCIDENT_ACCOUNT }),
  );
  const random = createRandom(seed);
  const all: Request[] = [];
  let living = told.map(({ requests }) => [...requests]);
  while (living.length > 0) {
    const next = random.pick(living).shift();
    if (next !== undefined) all.push(next);
    living = living.filter(({ length }) => length > 0);
  }
  const cuts = [0];
  for (const share of shares) cuts.push((cuts.at(-1) ?? 0) + Math.ceil(share * all.length));
  const others = wholeLives('adyen', {
    seed: `${seed} test`,
    count: 20,
    startedAt: STARTED_AT,
    account: INCIDENT_ACCOUNT,
  });
  return {
    parts: shares.map((_, n) => all.slice(cuts[n], cuts[n + 1])),
    money: moneyOfLives(told.map(({ life }) => life)),
    test: firstKilled(others.flatMap(({ requests }) => requests)),
  };
}

/** An endpoint, and what its processor signs with; another `generation` has another secret. */
export function incidentEndpoint(
  provider: string,
  destination: string,
  generation = 1,
): ReturnType<typeof simulatedEndpoint> {
  const where = { url: `https://hooks.shop.test/webhooks/${provider}/${destination}`, account: INCIDENT_ACCOUNT };
  const random = createRandom(`${provider}/${destination}/${generation}`);
  return simulatedEndpoint(simulatorOf(provider), where, { random, now: Date.now() });
}

export const isKilled = ({ provider, body }: Request): boolean => provider === 'adyen' && KILLED.test(body);

export function firstKilled(requests: readonly Request[]): Request {
  const found = requests.find(isKilled);
  if (found === undefined) throw new Error(`there is no ${KILLED_TYPE} among ${requests.length} requests`);
  return found;
}

/** The processor's own id of what an Adyen notification tells of. */
export function pspReferenceOf({ body }: Request): string {
  const [, reference] = /"pspReference": ?"([^"]+)"/.exec(body) ?? [];
  if (reference === undefined) throw new Error('this is no notification of Adyen');
  return reference;
}

/** The same event with another amount, signed all the same. */
export function withOtherAmount(request: Request): Request {
  const more = (_: string, name: string, value: string): string => `${name}${Number(value) + 100}`;
  const body = request.body.replace(/("value": ?)(\d+)/, more);
  if (body === request.body) throw new Error('it names no amount');
  return { ...request, body };
}
