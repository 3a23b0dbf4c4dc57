import { type SecretIdleness, secretIdleness } from '../endpoints/secret-idleness.ts';
import { assertNever } from '../errors.ts';
import { providers } from '../providers/index.ts';
import { rotationOverlapMs } from '../providers/rotation-overlap.ts';
import { type Check, ok } from './doctor-check.ts';
import type { RollingSecret } from './doctor-store.ts';

/** How many are named; the rest come when these are gone. */
const NAMED_MAX = 20;

type Judged = { readonly secret: RollingSecret; readonly is: SecretIdleness; readonly overlapMs: number };

/**
 * Secrets that end with nothing to follow them first: there is no newer one, or it was never used, so requests will be (or are)
 * refused. Then those that may be removed.
 */
export function rotationCheck(secrets: readonly RollingSecret[], now: number = Date.now()): Check {
  const name = 'rotation';
  const all = [...Map.groupBy(secrets, ({ endpoint }) => endpoint).values()].flatMap((group) => judged(group, now));
  const unfollowed = all.filter((one) => endsUnfollowed(one, all));
  if (unfollowed.length > 0) {
    return {
      name,
      status: 'warning',
      found: unfollowed.slice(0, NAMED_MAX).map(unfollowedText).join('; '),
      mend: 'let the processor sign with the new secret before it ends, or add the one it signs with anew: npx postern endpoint rotate',
    };
  }
  const removable = all.filter(({ is }) => is.removableSince !== null);
  if (removable.length === 0) return ok(name, 'no secret is left over');
  return {
    name,
    status: 'warning',
    found: `secrets that ended or are idle, while a newer one is used: ${removable.length}`,
    mend: removable
      .slice(0, NAMED_MAX)
      .map(({ secret: { endpoint, id } }) => `npx postern endpoint remove-secret ${endpoint.replace('/', ' ')} ${id}`)
      .join('; '),
  };
}

function unfollowedText({ secret: { endpoint, id, not_after: end }, is: { state } }: Judged): string {
  const at = end?.toISOString();
  if (state === 'ended') return `${endpoint}: ${id} ended at ${at}, in use until then, and none after it was used yet`;
  return `${endpoint}: ${id} is ${state === 'in_use' ? 'in use' : 'the last'} and ends at ${at}, and none after it was used yet`;
}

function judged(group: readonly RollingSecret[], now: number): Judged[] {
  const facts = providers.get(group[0]?.endpoint.split('/')[0] ?? '')?.facts;
  if (facts === undefined) return [];
  const overlapMs = rotationOverlapMs(facts);
  const idleness = secretIdleness(group, overlapMs, now);
  return group.flatMap((secret) => {
    const is = idleness.get(secret.id);
    return is === undefined ? [] : [{ secret, is, overlapMs }];
  });
}

function endsUnfollowed({ secret, is, overlapMs }: Judged, all: readonly Judged[]): boolean {
  const end = secret.not_after;
  if (end === null || is.removableAt !== null) return false;
  const others = all.filter((other) => other.secret.endpoint === secret.endpoint && other.secret.id !== secret.id);
  // Another that is in use and does not end has taken its place already, though it is older.
  if (others.some((other) => other.is.state === 'in_use' && other.secret.not_after === null)) return false;
  switch (is.state) {
    case 'in_use':
      return true;
    case 'ended':
      return secret.last_used_at !== null && end.getTime() - secret.last_used_at.getTime() < overlapMs;
    case 'idle':
      // Unused, and still all there is to sign with from its end on.
      return !others.some(({ secret: { not_after: until } }) => until === null || until > end);
    case 'waiting':
      return false;
    default:
      return assertNever(is.state);
  }
}
