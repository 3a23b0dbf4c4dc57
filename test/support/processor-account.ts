import { Agent } from 'node:http';
import { sendOne } from '../../src/simulate/send.ts';
import { signRequest } from '../../src/simulate/sign-request.ts';
import type { SimulatedTarget } from '../../src/simulate/simulator.ts';
import type { PlannedRequest } from '../../src/simulate/traffic.ts';
import { eventually } from './eventually.ts';

/** A request of one event. */
export type Request = Omit<PlannedRequest, 'number'>;

/** What the processors know of one endpoint. */
export type EndpointAccount = {
  /** 2xx answers, to duplicates too. */
  acknowledgements: number;
  /** Bodies that got no answer, or 503, some time: nobody knows whether they were stored then. */
  readonly unsure: Set<string>;
  /** Each body that was ever sent is one event. */
  readonly bodies: Set<string>;
};

export type Processors = {
  /** By `provider/destination`; the secret of one may be changed by setting another. */
  readonly targets: Map<string, SimulatedTarget>;
  readonly accounts: ReadonlyMap<string, EndpointAccount>;
  /** The status of every answer there was; 0 for none. */
  readonly answers: readonly number[];
  /** Sends each until somebody decides on it: anything but 503. Returns the answers in their order. */
  attempt(requests: readonly Request[]): Promise<number[]>;
  /** Sends each again and again until it is acknowledged. */
  persist(requests: readonly Request[]): Promise<void>;
  close(): void;
};

const CONNECTIONS = 16;
const TIMEOUT_MS = 15_000;
const AGAIN_MS = 200;
const PATIENCE_MS = 60_000;

/** Processors that keep their own account of what they sent and what was acknowledged. `now` is what they sign, in unix ms. */
export function createProcessors({ origin, now }: { origin: () => string; now: () => number }): Processors {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const targets = new Map<string, SimulatedTarget>();
  const accounts = new Map<string, EndpointAccount>();
  const answers: number[] = [];

  async function attemptOne(request: Request): Promise<number> {
    const name = `${request.provider}/${request.destination}`;
    const target = targets.get(name);
    if (target === undefined) throw new Error(`nobody listens to ${name}`);
    const account = accounts.get(name) ?? { acknowledgements: 0, unsure: new Set<string>(), bodies: new Set<string>() };
    accounts.set(name, account);
    account.bodies.add(request.body);
    const planned = { ...request, number: 0 };
    const url = origin() + new URL(target.url).pathname;
    const { status } = await sendOne(planned, { ...signRequest(planned, target, now()), url }, agent, TIMEOUT_MS);
    answers.push(status);
    if (status >= 200 && status < 300) account.acknowledgements += 1;
    if (status === 0 || status === 503) account.unsure.add(request.body);
    return status;
  }

  function sendUntil(request: Request, isEnough: (status: number) => boolean): Promise<number> {
    return eventually(
      async () => {
        const status = await attemptOne(request);
        if (!isEnough(status)) throw new Error(`${request.provider} was answered ${status}`);
        return status;
      },
      { timeoutMs: PATIENCE_MS, everyMs: AGAIN_MS },
    );
  }

  async function each(requests: readonly Request[], send: (request: Request, index: number) => Promise<void>) {
    const left = requests.entries();
    async function some(): Promise<void> {
      for (const [index, request] of left) await send(request, index);
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, some));
  }

  return {
    targets,
    accounts,
    answers,
    async attempt(requests) {
      const statuses: number[] = [];
      await each(requests, async (request, index) => {
        statuses[index] = await sendUntil(request, (status) => status !== 0 && status !== 503);
      });
      return statuses;
    },
    persist: (requests) =>
      each(requests, async (request) => {
        await sendUntil(request, (status) => status >= 200 && status < 300);
      }),
    close: () => agent.destroy(),
  };
}
