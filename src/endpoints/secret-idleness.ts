import type { SecretRow } from './endpoint-store.ts';

/** `in_use`: verified a request within the overlap. `idle`: good, and it did not. The other two verify nothing now. */
export type SecretState = 'in_use' | 'idle' | 'waiting' | 'ended';

export type SecretIdleness = {
  readonly state: SecretState;
  /** From when it may be removed, if nothing more is signed with it; null where it must stay. */
  readonly removableAt: Date | null;
  /** The same once that time has come; null before. */
  readonly removableSince: Date | null;
};

export type SecretUse = Pick<SecretRow, 'id' | 'not_before' | 'not_after' | 'last_used_at' | 'created_at'>;

/**
 * What every secret of one endpoint is at `now`, by id. A secret may go when a newer one, good now, has verified a request
 * (the processor knows it) and this one has verified none for the overlap, or has ended. The only good one never may.
 */
export function secretIdleness(
  secrets: readonly SecretUse[],
  overlapMs: number,
  now: number,
): ReadonlyMap<string, SecretIdleness> {
  const usable = secrets.filter((secret) => isUsable(secret, now));
  return new Map(
    secrets.map((secret): [string, SecretIdleness] => {
      const successors = usable.filter((other) => other.last_used_at !== null && isNewer(other, secret));
      const state = stateOf(secret, overlapMs, now);
      if (successors.length === 0 || state === 'waiting')
        return [secret.id, { state, removableAt: null, removableSince: null }];
      const successorAt = Math.min(...successors.map(({ created_at: at }) => at.getTime()));
      const quietAt = lastNeeded(secret) + overlapMs;
      const at = Math.max(successorAt, Math.min(quietAt, secret.not_after?.getTime() ?? quietAt));
      const removableAt = new Date(at);
      return [secret.id, { state, removableAt, removableSince: at <= now ? removableAt : null }];
    }),
  );
}

function stateOf(secret: SecretUse, overlapMs: number, now: number): SecretState {
  if (secret.not_after !== null && secret.not_after.getTime() <= now) return 'ended';
  if (!isUsable(secret, now)) return 'waiting';
  const usedAt = secret.last_used_at?.getTime();
  return usedAt !== undefined && now - usedAt < overlapMs ? 'in_use' : 'idle';
}

function isUsable({ not_before: from, not_after: to }: SecretUse, now: number): boolean {
  return (from === null || from.getTime() <= now) && (to === null || now < to.getTime());
}

function isNewer(one: SecretUse, than: SecretUse): boolean {
  const difference = one.created_at.getTime() - than.created_at.getTime();
  return difference > 0 || (difference === 0 && one.id > than.id);
}

/** One that never verified anything is given its overlap from when it could. */
function lastNeeded({ last_used_at: used, not_before: from, created_at: made }: SecretUse): number {
  return used?.getTime() ?? Math.max(made.getTime(), from?.getTime() ?? 0);
}
