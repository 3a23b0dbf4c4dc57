import type pg from 'pg';
import { insertAudit } from '../../audit-store.ts';
import type { Clock } from '../../clock.ts';
import { PosternError } from '../../errors.ts';
import { withTransaction } from '../../postgres/sql.ts';
import { uuidv7 } from '../../uuid.ts';
import { type FetchEndpoint, unfetchable } from './fetch-report.ts';
import { insertRange } from './report-fetch-store.ts';

/** Times are unix ms; up to and without `to`. */
export type ReportWish = { readonly from: number; readonly to: number };

const DAY_MS = 86_400_000;

/** Orders the reports of a range. Returns the order's id. @throws PosternError `conflict`, `invalid_request` */
export async function askForReports(
  endpoint: Omit<FetchEndpoint, 'account'>,
  { from, to }: ReportWish,
  { pool, clock, actor }: { readonly pool: pg.Pool; readonly clock: Clock; readonly actor: string },
): Promise<string> {
  const { provider } = endpoint;
  const why = unfetchable(endpoint);
  if (why !== null) throw new PosternError('conflict', why);
  const reports = provider.api?.reports;
  if (reports?.page === undefined)
    throw new PosternError(
      'conflict',
      `${provider.title} lists no reports: each is fetched when its webhook says that it is there`,
    );
  const now = clock.now();
  const faults = [
    ...(from < to ? [] : [{ path: '/from', message: 'must be before "to"' }]),
    ...(to <= now ? [] : [{ path: '/to', message: 'must not lie in the future' }]),
    ...(from >= now - reports.days * DAY_MS
      ? []
      : [{ path: '/from', message: `${provider.title} has reports of the last ${reports.days} days only` }]),
  ];
  const [first] = faults;
  if (first !== undefined) throw new PosternError('invalid_request', `${first.path}: ${first.message}`, { faults });
  const id = uuidv7(now);
  await withTransaction(pool, async (tx) => {
    await insertRange(tx, { id, endpointId: endpoint.id, from, to, origin: 'asked', actor });
    await insertAudit(tx, {
      actor,
      action: 'settlement.fetch',
      subject: `fetch:${id}`,
      details: { endpoint: endpoint.id, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    });
  });
  return id;
}
