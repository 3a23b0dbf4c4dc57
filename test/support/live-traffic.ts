import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { sendOne } from '../../src/simulate/send.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import type { SimulatedTarget } from '../../src/simulate/simulator.ts';
import type { PlannedRequest } from '../../src/simulate/traffic.ts';

/** One answer, or none (status 0), of one gateway. `at` is by `performance.now()`, when it had come. */
export type Attempt = { readonly origin: string; readonly status: number; readonly at: number; readonly about: string };

/** A request that got a 2xx, and the sum of the bytes that were sent. */
export type Acknowledged = { readonly planned: PlannedRequest; readonly sha256: string };

export type LiveTraffic = {
  readonly attempts: readonly Attempt[];
  /** Each request once. */
  readonly acknowledged: readonly Acknowledged[];
  /** How many 2xx this gateway has given so far. */
  acknowledgedBy(origin: string): number;
  /** When the plan is at its end, all of it has been tried to its end. Returns what was never acknowledged. */
  end(): Promise<readonly PlannedRequest[]>;
  /** The same, without waiting for the end of the plan. */
  stop(): Promise<readonly PlannedRequest[]>;
  /** For a test that failed: nothing is sent or tried any more. */
  abandon(): void;
};

/** Whether this is none of the answers a processor knows what to do with: accepted, or to be tried again. */
export const isOdd = ({ status }: Attempt): boolean => status !== 0 && status !== 503 && (status < 200 || status > 299);

export type LiveTrafficOptions = {
  readonly plan: Iterator<PlannedRequest>;
  /** By `provider/destination`; the origin of its address is the one of the gateway that is tried. */
  readonly targets: ReadonlyMap<string, SimulatedTarget>;
  /** The gateways that may be tried now, each in turn. */
  readonly origins: () => readonly string[];
  readonly ratePerS: number;
};

const TRIES_MAX = 60;
const TRY_AGAIN_MS = 100;
const TIMEOUT_MS = 15_000;
const UNDER_WAY_MAX = 256;

/**
 * Sends as processors do while gateways come and go: steadily, and what is not acknowledged (503, or no answer) again, to
 * whoever is there by then. Any other answer ends the request.
 */
export function startLiveTraffic({ plan, targets, origins, ratePerS }: LiveTrafficOptions): LiveTraffic {
  const agent = new Agent({ keepAlive: true });
  const attempts: Attempt[] = [];
  const acknowledged: Acknowledged[] = [];
  const lost: PlannedRequest[] = [];
  const underWay = new Set<Promise<void>>();
  let turn = 0;
  let stopping = false;
  let abandoned = false;

  async function deliver(planned: PlannedRequest): Promise<void> {
    const target = targets.get(`${planned.provider}/${planned.destination}`);
    if (target === undefined) throw new Error(`no endpoint for ${planned.provider}/${planned.destination}`);
    for (let tries = 1; tries <= TRIES_MAX && !abandoned; tries += 1) {
      const there = origins();
      turn += 1;
      const origin = there[turn % there.length] ?? '';
      const signed = signRequest(planned, target, Date.now());
      const url = origin + new URL(target.url).pathname;
      const { status, error, body } = await sendOne(planned, { ...signed, url }, agent, TIMEOUT_MS);
      const about = `${planned.provider} ${planned.number}: ${error ?? body.slice(0, 200)}`;
      const attempt = { origin, status, at: performance.now(), about };
      attempts.push(attempt);
      if (status >= 200 && status < 300) {
        acknowledged.push({ planned, sha256: createHash('sha256').update(signed.body).digest('hex') });
        return;
      }
      if (isOdd(attempt)) break;
      await pause(TRY_AGAIN_MS);
    }
    lost.push(planned);
  }

  async function send(): Promise<void> {
    const begun = performance.now();
    for (let sent = 0; !stopping; sent += 1) {
      const left = begun + (sent * 1_000) / ratePerS - performance.now();
      if (left > 1) await pause(left);
      while (underWay.size >= UNDER_WAY_MAX) await Promise.race(underWay);
      const { value, done } = plan.next();
      if (done === true || stopping) return;
      const delivered = deliver(value).finally(() => underWay.delete(delivered));
      underWay.add(delivered);
    }
  }

  async function end(): Promise<readonly PlannedRequest[]> {
    await sending;
    await Promise.all(underWay);
    agent.destroy();
    return lost;
  }

  const sending = send();
  return {
    attempts,
    acknowledged,
    acknowledgedBy: (origin) => attempts.filter((a) => a.origin === origin && a.status >= 200 && a.status < 300).length,
    end,
    stop() {
      stopping = true;
      return end();
    },
    abandon() {
      stopping = true;
      abandoned = true;
      agent.destroy();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
