import { type SecretIdleness, secretIdleness } from '../endpoints/secret-idleness.ts';
import { providers } from '../providers/index.ts';
import { rotationOverlapMs } from '../providers/rotation-overlap.ts';
import { type Check, ok } from './doctor-check.ts';
import type { RollingSecret } from './doctor-store.ts';

/** How many are named; the rest come when these are gone. */
const NAMED_MAX = 20;

type Judged = { readonly secret: RollingSecret; readonly is: SecretIdleness };

/**
 * Secrets that end with nothing to follow them first: the newer one was never used, so requests will be refused. Then
 * those that may be removed.
 */
export function rotationCheck(secrets: readonly RollingSecret[], now: number = Date.now()): Check {
  const name = 'rotation';
  const all = [...Map.groupBy(secrets, ({ endpoint }) => endpoint).values()].flatMap((group) => judged(group, now));
  const unfollowed = all.filter(({ secret, is }) => is.state === 'in_use' && endsUnfollowed(secret, is, all));
  if (unfollowed.length > 0) {
    return {
      name,
      status: 'warning',
      found: unfollowed
        .slice(0, NAMED_MAX)
        .map(
          ({ secret }) =>
            `${secret.endpoint}: ${secret.id} is in use and ends at ${secret.not_after?.toISOString()}, and none after it was used yet`,
        )
        .join('; '),
      mend: 'let the processor sign with the new secret before then, or add the one it signs with anew: npx postern endpoint rotate',
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

function judged(group: readonly RollingSecret[], now: number): Judged[] {
  const facts = providers.get(group[0]?.endpoint.split('/')[0] ?? '')?.facts;
  if (facts === undefined) return [];
  const idleness = secretIdleness(group, rotationOverlapMs(facts), now);
  return group.flatMap((secret) => {
    const is = idleness.get(secret.id);
    return is === undefined ? [] : [{ secret, is }];
  });
}

function endsUnfollowed(
  { not_after: end, endpoint }: RollingSecret,
  is: SecretIdleness,
  all: readonly Judged[],
): boolean {
  if (end === null || is.removableAt !== null) return false;
  // Another that is in use and does not end has taken its place already, though it is older.
  return !all.some(
    (other) => other.secret.endpoint === endpoint && other.is.state === 'in_use' && other.secret.not_after === null,
  );
}
