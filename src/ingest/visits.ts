import type { Clock } from '../clock.ts';
import type { Egress } from '../egress.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** Addresses that are visited once because a processor asks for it: how a subscription is confirmed (SNS). */
export type Visits = {
  /** Beside the request that asked for it; never throws and never waits. */
  request(endpoint: Endpoint, url: string): void;
  /** Resolves when nobody is being visited. */
  idle(): Promise<void>;
};

export type VisitsParts = {
  readonly egress: Pick<Egress, 'fetchBytes'>;
  readonly clock: Clock;
  readonly log: Log;
};

const PER_MINUTE_MAX = 6;
const AT_ONCE_MAX = 10;

/** Only on the provider's own certificate hosts, however the URL came about, and six a minute an endpoint. */
export function createVisits({ egress, clock, log }: VisitsParts): Visits {
  const turns = new Map<number, { minute: number; count: number }>();
  const underWay = new Map<string, Promise<void>>();

  function mayGo(endpointId: number): boolean {
    const minute = Math.floor(clock.now() / 60_000);
    const turn = turns.get(endpointId);
    const count = turn?.minute === minute ? turn.count + 1 : 1;
    turns.set(endpointId, { minute, count });
    return count <= PER_MINUTE_MAX;
  }

  async function visit(endpoint: Endpoint, url: string): Promise<void> {
    const about = { provider: endpoint.provider.name, endpoint: endpoint.name };
    try {
      await egress.fetchBytes(url);
      log.info(about, 'a subscription was confirmed');
    } catch (error) {
      log.warn({ ...about, error: messageOf(error) }, 'a subscription could not be confirmed; ask the processor again');
    } finally {
      underWay.delete(url);
    }
  }

  return {
    request(endpoint, url) {
      const host = URL.canParse(url) ? new URL(url).hostname : '';
      const refused =
        endpoint.provider.facts.certificateHosts?.includes(host) !== true ||
        underWay.size >= AT_ONCE_MAX ||
        underWay.has(url) ||
        !mayGo(endpoint.id);
      if (refused)
        log.warn({ endpoint: endpoint.name, host }, 'a subscription is not confirmed: too many, or no host of its own');
      else underWay.set(url, visit(endpoint, url));
    },
    async idle() {
      await Promise.all(underWay.values());
    },
  };
}
