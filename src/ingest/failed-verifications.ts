import type { Clock } from '../clock.ts';
import type { SharedUses } from './shared-uses.ts';

/**
 * Counts failed verifications by source, so that a flood of forgeries stops costing us body reads. A request that
 * verifies is never refused for its neighbours' sake: a processor's whole traffic comes from few addresses.
 */
export type FailedVerifications = {
  /** True when this source failed too often lately. */
  isFlooding(ip: string): boolean;
  note(ip: string): void;
};

const PER_SECOND = 50;
const BURST = 200;
const SOURCES_MAX = 10_000;

/** `shared`: other instances count the same sources. */
export function createFailedVerifications(
  clock: Clock,
  shared: Pick<SharedUses, 'add' | 'onOthers'> | null = null,
): FailedVerifications {
  const sources = new Map<string, { tokens: number; at: number }>();

  function refill(source: { tokens: number; at: number }): void {
    const now = clock.now();
    source.tokens = Math.min(BURST, source.tokens + ((now - source.at) / 1000) * PER_SECOND);
    source.at = now;
  }

  function use(name: string, failures: number): void {
    const source = sources.get(name) ?? { tokens: BURST, at: clock.now() };
    refill(source);
    // Below nothing: what others used up before we heard of it is owed, or each of two would take the whole limit.
    source.tokens = Math.max(-BURST, source.tokens - failures);
    sources.delete(name);
    sources.set(name, source);
    if (sources.size > SOURCES_MAX) {
      const oldest = sources.keys().next();
      if (!oldest.done) sources.delete(oldest.value);
    }
  }

  shared?.onOthers(use);

  return {
    isFlooding(ip) {
      const source = sources.get(sourceOf(ip));
      if (source === undefined) return false;
      refill(source);
      return source.tokens < 1;
    },
    note(ip) {
      const name = sourceOf(ip);
      const source = sources.get(name);
      // One that was refused for it uses nothing up here; others are told of all, because their buckets fill as fast as ours.
      if (source === undefined || source.tokens >= 1) use(name, 1);
      shared?.add(name);
    },
  };
}

/** One IPv4 address, or the /64 that one IPv6 customer has. */
export function sourceOf(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!ip.includes(':')) return ip;
  const [head = '', tail] = ip.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((g) => g.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
