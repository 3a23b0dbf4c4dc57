import { insertAudit } from '../../audit-store.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { EndpointRegistry } from '../../endpoints/registry.ts';
import { PosternError } from '../../errors.ts';
import { sqlOf, withTransaction } from '../../postgres/sql.ts';
import { isUuid } from '../../uuid.ts';
import { type RecheckPageParts, recheckPage, type SecretsAt, sumOf } from './recheck-page.ts';
import { countQuarantined } from './recheck-store.ts';

export type RecheckWish = {
  readonly endpointId: number;
  /** Ids of the endpoint's secrets, which verify whenever the request came; null: those that were valid then. */
  readonly secrets: readonly string[] | null;
  readonly dryRun: boolean;
  readonly reason: string | null;
  /** Where an earlier call ended. */
  readonly after?: string | null;
};

export type RecheckResult = {
  readonly endpoint: Endpoint;
  readonly checked: number;
  /** Requests that were taken in; in a dry run: would be. */
  readonly authentic: number;
  /** Requests that are authentic and bring no event. */
  readonly empty: number;
  readonly events: { readonly stored: number; readonly duplicates: number; readonly conflicts: number };
  readonly refused: readonly StillRefused[];
  /** In quarantine now. */
  readonly left: number;
  /** Set where time ran out, or somebody stopped it: where to go on. */
  readonly after: string | null;
};

/** Those that are refused again for one reason. */
export type StillRefused = {
  readonly reason: string;
  readonly requests: number;
  readonly example: string;
  readonly detail: string;
};

export type RecheckRun = {
  /** Ends the run between two pages. */
  readonly stopped?: () => boolean;
  readonly onProgress?: (checked: number, of: number) => void;
  /** So long at most, but for the page in hand. */
  readonly budgetMs?: number;
};

/** Verifies an endpoint's quarantined requests again and takes in what is authentic. @throws PosternError `not_found`, `invalid_request`, and what the intake rejects with. */
export type Recheck = (wish: RecheckWish, actor: string, run?: RecheckRun) => Promise<RecheckResult>;

export type RecheckParts = Omit<RecheckPageParts, 'noteUse'> & {
  readonly endpoints: Pick<EndpointRegistry, 'load' | 'byId' | 'activeSecrets' | 'noteUse'>;
};

const PAGES_MAX = 10_000;

export function createRecheck(parts: RecheckParts): Recheck {
  const { endpoints, pool } = parts;
  const sql = sqlOf(pool);
  const pageParts = { ...parts, noteUse: (id: string, at: number) => endpoints.noteUse(id, at) };

  return async (wish, actor, run = {}) => {
    // The secret was mended a moment ago, perhaps by another instance: what is in memory may not know it.
    await endpoints.load();
    const endpoint = endpoints.byId(wish.endpointId);
    if (endpoint === undefined) throw new PosternError('not_found', `there is no endpoint ${wish.endpointId}`);
    const secretsAt = secretsOf(endpoint, wish.secrets, endpoints);
    if (!wish.dryRun) await note(wish, 'quarantine.recheck', actor, { secrets: wish.secrets });
    const total = run.onProgress === undefined ? 0 : await countQuarantined(sql, endpoint.id);
    const began = performance.now();
    const refused = new Map<string, StillRefused>();
    const seen = new Set<string>();
    let sum = { checked: 0, authentic: 0, empty: 0, events: { stored: 0, duplicates: 0, conflicts: 0 } };
    let after = wish.after ?? null;
    try {
      for (let pages = 0; pages < PAGES_MAX; pages += 1) {
        const page = await recheckPage(endpoint, secretsAt, { after, dryRun: wish.dryRun, seen }, pageParts);
        sum = {
          checked: sum.checked + page.checked,
          authentic: sum.authentic + page.authentic,
          empty: sum.empty + page.empty,
          events: sumOf(sum.events, page.events),
        };
        if (page.failure !== null) throw page.failure;
        for (const { reason, id, detail } of page.refused) {
          const before = refused.get(reason) ?? { reason, requests: 0, example: id, detail };
          refused.set(reason, { ...before, requests: before.requests + 1 });
        }
        after = page.last;
        run.onProgress?.(sum.checked, total);
        if (after === null || run.stopped?.() === true) break;
        if (performance.now() - began > (run.budgetMs ?? Number.POSITIVE_INFINITY)) break;
      }
    } finally {
      // Also of what was taken in before a failure.
      if (!wish.dryRun && sum.authentic > 0)
        await note(wish, 'quarantine.taken_in', actor, { requests: sum.authentic, events: sum.events });
    }
    const still = [...refused.values()].sort((a, b) => b.requests - a.requests);
    return { endpoint, ...sum, refused: still, left: await countQuarantined(sql, endpoint.id), after };
  };

  function note(
    { endpointId, reason }: RecheckWish,
    action: string,
    actor: string,
    details: Record<string, unknown>,
  ): Promise<void> {
    return withTransaction(pool, (tx) =>
      insertAudit(tx, { actor, action, subject: `endpoint:${endpointId}`, reason, details }),
    );
  }
}

function secretsOf(
  endpoint: Endpoint,
  named: readonly string[] | null,
  endpoints: Pick<EndpointRegistry, 'activeSecrets'>,
): SecretsAt {
  if (named === null) return (receivedAt) => endpoints.activeSecrets(endpoint, receivedAt);
  const unknown = named.find((id) => !isUuid(id) || !endpoint.secrets.some((secret) => secret.id === id));
  if (unknown !== undefined) {
    const message = `${endpoint.provider.name}/${endpoint.name} has no secret ${unknown}`;
    throw new PosternError('invalid_request', message, { faults: [{ path: '/secrets', message }] });
  }
  const secrets = endpoint.secrets.filter(({ id }) => named.includes(id));
  return () => secrets;
}
