import type { Metrics } from '../../metrics.ts';
import type { QueueStats } from './read-stats.ts';

/** Puts the figures of the database into the gauges; what is not there any more (an endpoint, a currency) goes. */
export function tellMetrics(metrics: Metrics, stats: QueueStats, now: number): void {
  metrics.statsAge.set(Math.max(0, (now - Date.parse(stats.as_of)) / 1000));
  for (const queue of stats.queues) tellQueue(metrics, queue);
  for (const gauge of [
    metrics.lastEventAt,
    metrics.silenceExpected,
    metrics.endpointDay,
    metrics.eventsAtRisk,
    metrics.amountAtRisk,
    metrics.dropOffAt,
  ])
    gauge.reset();
  for (const endpoint of stats.endpoints) tellEndpoint(metrics, endpoint);
}

function tellQueue(metrics: Metrics, figures: QueueStats['queues'][number]): void {
  const { name: queue } = figures;
  metrics.queue.set({ queue, status: 'queued' }, figures.depth);
  metrics.queue.set({ queue, status: 'active' }, figures.active);
  metrics.queue.set({ queue, status: 'deferred' }, figures.deferred);
  metrics.queue.set({ queue, status: 'failed' }, figures.failed);
  metrics.queue.set({ queue, status: 'dead' }, figures.dead);
  metrics.queueOldestSeconds.set({ queue }, figures.oldest_age_seconds);
  metrics.queueRateOut.set({ queue }, figures.rate_per_second);
  if (figures.rate_in_per_second !== null) metrics.queueRateIn.set({ queue }, figures.rate_in_per_second);
  metrics.queueDrainSeconds.set({ queue }, figures.drain_seconds ?? Number.POSITIVE_INFINITY);
  metrics.queuePaused.set({ queue }, figures.paused ? 1 : 0);
}

function tellEndpoint(metrics: Metrics, figures: QueueStats['endpoints'][number]): void {
  const { provider, endpoint, last_24_hours: day, amount_at_risk: risks } = figures;
  const labels = { provider, endpoint };
  // One that was switched off is silent on purpose.
  if (figures.last_event_at !== null && !figures.disabled) {
    metrics.lastEventAt.set(labels, Date.parse(figures.last_event_at) / 1000);
    metrics.silenceExpected.set(labels, figures.expected_silence_seconds);
  }
  for (const [kind, count] of Object.entries(day)) metrics.endpointDay.set({ ...labels, kind }, count);
  metrics.eventsAtRisk.set(
    labels,
    risks.reduce((sum, { events }) => sum + events, 0),
  );
  // A gauge is a float: past 2^53 it is not exact, and for an alarm it need not be.
  for (const { currency, amount } of risks)
    if (currency !== null) metrics.amountAtRisk.set({ ...labels, currency }, Number(amount));
  const drops = risks.flatMap(({ drop_off_at: at }) => (at === null ? [] : [Date.parse(at) / 1000]));
  if (drops.length > 0) metrics.dropOffAt.set(labels, Math.min(...drops));
}
