import type pg from 'pg';
import type { Static } from 'typebox';
import type { Clock } from '../../clock.ts';
import { HOUSEKEEPING } from '../../ingest/housekeeping.ts';
import { selectQueueControls } from '../../ingest/queue-control-store.ts';
import { QUEUES, type QueueName } from '../../ingest/queues.ts';
import { type Tx, withTransaction } from '../../postgres/sql.ts';
import type { Provider } from '../../providers/provider.ts';
import { selectHousekeeping } from '../stats-store.ts';
import { type EndpointFigures, selectEndpointFigures } from './endpoint-figures-store.ts';
import { type QueueFigures, selectQueueFigures } from './queue-figures-store.ts';
import { type Risk, selectRisks } from './risk-store.ts';
import type { QueueStatsShape } from './shapes.ts';

export type QueueStats = Static<typeof QueueStatsShape>;

export type StatsParts = {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly providers: ReadonlyMap<string, Pick<Provider, 'facts'>>;
  /** Stands in for reading the money at risk anew, which costs as much as all else where many events wait. */
  readonly risks?: (tx: Tx) => Promise<readonly Risk[]>;
};

/** All figures as of one moment, by indexes alone: where a table was small when it was last analysed, Postgres would read it whole. */
export async function readStats({
  pool,
  clock,
  providers,
  risks: readRisks = selectRisks,
}: StatsParts): Promise<QueueStats> {
  return withTransaction(pool, async (tx) => {
    await tx.query('set transaction isolation level repeatable read read only');
    await tx.query("set local enable_seqscan = off; set local jit = off; set local statement_timeout = '10s'");
    const controls = new Map((await selectQueueControls(tx)).map((control) => [control.queue, control]));
    const queues: QueueStats['queues'] = [];
    for (const name of QUEUES)
      queues.push(queueView(name, await selectQueueFigures(tx, name), controls.get(name)?.paused === true));
    const now = clock.now();
    const endpoints = await selectEndpointFigures(tx, now);
    // The tables of amounts are read whole, and are no larger than what waits.
    await tx.query("set local enable_seqscan = on; set local work_mem = '16MB'");
    const risks = Map.groupBy(await readRisks(tx), ({ endpointId }) => endpointId);
    const runs = await selectHousekeeping(tx);
    return {
      as_of: new Date(now).toISOString(),
      queues,
      endpoints: endpoints.map((figures) => {
        const horizonHours = providers.get(figures.provider)?.facts.retryHorizonHours ?? null;
        return endpointView(figures, risks.get(figures.id) ?? [], horizonHours, now);
      }),
      housekeeping: HOUSEKEEPING.map(({ name, intervalS }) => ({
        name,
        interval_s: intervalS,
        last_run_at: runs.get(name)?.lastRunAt.toISOString() ?? null,
        last_error: runs.get(name)?.lastError ?? null,
      })),
    };
  });
}

function queueView(name: QueueName, figures: QueueFigures, paused: boolean): QueueStats['queues'][number] {
  return {
    name,
    paused,
    depth: figures.depth,
    active: figures.active,
    deferred: figures.deferred,
    failed: figures.failed,
    dead: figures.dead,
    oldest_age_seconds: figures.oldestAgeSeconds,
    rate_per_second: figures.rateOut,
    rate_in_per_second: figures.rateIn,
    drain_seconds: drainSeconds(figures),
  };
}

/** Less work than this is a queue in step with what comes: it has as much at any moment, and is empty ever again. */
const IN_STEP_S = 5;

/** When it will be empty, if what comes and what leaves stay as they are; null where it would not. */
export function drainSeconds({
  depth,
  active,
  rateOut,
  rateIn,
}: Pick<QueueFigures, 'depth' | 'active' | 'rateOut' | 'rateIn'>): number | null {
  const left = depth + active;
  if (left === 0) return 0;
  if (rateOut <= 0) return null;
  const alone = left / rateOut;
  if (alone <= IN_STEP_S) return alone;
  const net = rateOut - (rateIn ?? 0);
  return net > 0 ? left / net : null;
}

const SILENCE_MIN_S = 600;
const SILENCE_GAPS = 3;

/** An endpoint is expected to be silent for three times the largest gap of its last seven days, at least ten minutes. */
function endpointView(
  figures: EndpointFigures,
  risks: readonly Risk[],
  horizonHours: number | null,
  now: number,
): QueueStats['endpoints'][number] {
  const { lastEventAt } = figures;
  const silence = lastEventAt === null ? null : Math.max(0, (now - lastEventAt.getTime()) / 1000);
  const expected = Math.max(SILENCE_MIN_S, SILENCE_GAPS * (figures.largestGapSeconds ?? 0));
  return {
    provider: figures.provider,
    endpoint: figures.endpoint,
    disabled: figures.disabled,
    last_event_at: lastEventAt?.toISOString() ?? null,
    silence_seconds: silence,
    expected_silence_seconds: expected,
    silent: !figures.disabled && silence !== null && silence > expected,
    last_24_hours: {
      accepted: figures.accepted,
      duplicates: figures.duplicates,
      conflicts: figures.conflicts,
      rejected: figures.rejected,
      signature_failures: figures.signatureFailures,
      gaps: figures.gaps,
    },
    amount_at_risk: risks.map(({ currency, amount, events, since }) => ({
      currency,
      amount: amount === null ? null : String(amount),
      events,
      drop_off_at: horizonHours === null ? null : new Date(since.getTime() + horizonHours * 3_600_000).toISOString(),
    })),
  };
}
