import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import type { EndpointService } from '../endpoints/service.ts';
import { PosternError } from '../errors.ts';
import { withTransaction } from '../postgres/sql.ts';
import type { Provider } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { cancelBackfill, insertBackfill } from './backfill-store.ts';

/** Times are unix ms; up to and without `to`. */
export type BackfillWish = {
  readonly endpointId: number;
  readonly from: number;
  readonly to: number;
  readonly dryRun: boolean;
};

export type BackfillRequests = {
  /** The new backfill's id. @throws PosternError `not_found`, `invalid_request`, `conflict` where the processor cannot be asked. */
  ask(wish: BackfillWish, actor: string): Promise<string>;
  /** @throws PosternError `not_found`; `conflict` where it is over. */
  cancel(id: string, actor: string): Promise<void>;
};

const DAY_MS = 86_400_000;

/** What a person asks of backfills; the work itself is the backfiller's. */
export function createBackfillRequests(parts: {
  readonly pool: pg.Pool;
  readonly endpoints: Pick<EndpointService, 'get'>;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly clock: Clock;
}): BackfillRequests {
  const { pool, clock } = parts;

  async function ask({ endpointId, from, to, dryRun }: BackfillWish, actor: string): Promise<string> {
    const endpoint = await parts.endpoints.get(endpointId);
    const provider = parts.providers.get(endpoint.provider);
    const api = provider?.api;
    if (api?.list === undefined) {
      const title = provider?.title ?? endpoint.provider;
      throw new PosternError('conflict', `${title} lists nothing: what is missing shows in its settlement reports`);
    }
    const unlisted = api.list.unlisted?.(endpoint.settings) ?? null;
    if (unlisted !== null)
      throw new PosternError('conflict', `${provider?.title} lists nothing of ${endpoint.name}: ${unlisted}`);
    if (endpoint.settings[api.keySetting] === undefined)
      throw new PosternError('conflict', `set ${api.keySetting} on ${endpoint.provider}/${endpoint.name} first`);
    const now = clock.now();
    const faults = [
      ...(from < to ? [] : [{ path: '/from', message: 'must be before "to"' }]),
      ...(to <= now ? [] : [{ path: '/to', message: 'must not lie in the future' }]),
      ...(from >= now - api.list.days * DAY_MS
        ? []
        : [{ path: '/from', message: `${provider?.title} tells of the last ${api.list.days} days only` }]),
    ];
    const [first] = faults;
    if (first !== undefined) throw new PosternError('invalid_request', `${first.path}: ${first.message}`, { faults });
    const id = uuidv7(now);
    await withTransaction(pool, async (tx) => {
      await insertBackfill(tx, { id, endpointId, from, to, dryRun, scheduled: false, actor });
      const range = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
      await insertAudit(tx, {
        actor,
        action: 'backfill.create',
        subject: `backfill:${id}`,
        details: { endpoint: endpointId, ...range, dry_run: dryRun },
      });
    });
    return id;
  }

  async function cancel(id: string, actor: string): Promise<void> {
    await withTransaction(pool, async (tx) => {
      if (!(await cancelBackfill(tx, id))) throw new PosternError('conflict', `backfill ${id} is over`);
      await insertAudit(tx, { actor, action: 'backfill.cancel', subject: `backfill:${id}` });
    });
  }

  return { ask, cancel };
}
