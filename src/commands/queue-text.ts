import type { QueueView } from '../api/stats/queue-view.ts';
import type { QueueStats } from '../api/stats/read-stats.ts';
import { currencyExponent } from '../currency.ts';
import { formatMajor } from '../money.ts';
import { moment, oneLine, table } from './table.ts';

type QueueFigures = QueueStats['queues'][number];
type EndpointFigures = QueueStats['endpoints'][number];
type Risk = EndpointFigures['amount_at_risk'][number];

/** `queue stats` for people: what is wrong stands in words, everything else in a table. */
export function statsText({ queues, endpoints, housekeeping }: QueueStats): string {
  const parts = [
    table<QueueFigures>(
      [
        { title: 'QUEUE', of: ({ name, paused }) => (paused ? `${name} (paused)` : name) },
        { title: 'DEPTH', of: ({ depth }) => String(depth), right: true },
        { title: 'ACTIVE', of: ({ active }) => String(active), right: true },
        { title: 'DEFERRED', of: ({ deferred }) => String(deferred), right: true },
        { title: 'FAILED', of: ({ failed }) => String(failed), right: true },
        { title: 'DEAD', of: ({ dead }) => String(dead), right: true },
        { title: 'OLDEST', of: (figures) => span(figures.oldest_age_seconds), right: true },
        { title: 'IN/S', of: (figures) => rate(figures.rate_in_per_second), right: true },
        { title: 'OUT/S', of: (figures) => rate(figures.rate_per_second), right: true },
        { title: 'EMPTY IN', of: emptyIn, right: true },
      ],
      queues,
    ),
  ];
  if (endpoints.length === 0) parts.push('No endpoint yet: npx postern endpoint add --help');
  else
    parts.push(
      table<EndpointFigures>(
        [
          { title: 'ENDPOINT', of: ({ provider, endpoint }) => `${provider}/${endpoint}` },
          { title: 'LAST EVENT', of: (figures) => moment(figures.last_event_at) },
          { title: 'SILENT FOR', of: silentFor, right: true },
          { title: 'EXPECTED', of: (figures) => span(figures.expected_silence_seconds), right: true },
          { title: 'IN 24 H', of: (figures) => String(figures.last_24_hours.accepted), right: true },
          { title: 'DUPLICATES', of: (figures) => String(figures.last_24_hours.duplicates), right: true },
          { title: 'CONFLICTS', of: (figures) => String(figures.last_24_hours.conflicts), right: true },
          { title: 'UNVERIFIED', of: (figures) => String(figures.last_24_hours.signature_failures), right: true },
          { title: 'GAPS', of: (figures) => String(figures.last_24_hours.gaps), right: true },
        ],
        endpoints,
      ),
    );
  // What drops off first stands first.
  const risks = endpoints
    .flatMap((figures) => figures.amount_at_risk.map((risk) => ({ figures, risk })))
    .sort((a, b) => (a.risk.drop_off_at ?? 'never').localeCompare(b.risk.drop_off_at ?? 'never'))
    .map(({ figures, risk }) => riskLine(figures, risk));
  parts.push(risks.length === 0 ? 'Nothing is at risk.' : `At risk:\n${risks.join('\n')}`);
  const failed = housekeeping.filter((task) => task.last_error !== null);
  if (failed.length > 0)
    parts.push(
      `Housekeeping that failed:\n${failed.map((task) => `  ${task.name}: ${oneLine(task.last_error ?? '')}`).join('\n')}`,
    );
  return parts.join('\n\n');
}

function emptyIn({ depth, active, paused, drain_seconds: seconds }: QueueFigures): string {
  if (depth + active === 0) return '–';
  if (paused) return 'paused';
  return seconds === null ? 'never' : span(seconds);
}

function silentFor({ silence_seconds: seconds, silent, disabled }: EndpointFigures): string {
  if (disabled) return 'disabled';
  if (seconds === null) return '–';
  return silent ? `${span(seconds)} !` : span(seconds);
}

/** "stripe/main  312 events, EUR 48,210.00, dropped from 2026-01-31 14:05:00Z" */
function riskLine(
  { provider, endpoint }: EndpointFigures,
  { currency, amount, events, drop_off_at: at }: Risk,
): string {
  const money = currency === null || amount === null ? 'amount unknown' : `${currency} ${major(amount, currency)}`;
  const count = events === 1 ? '1 event' : `${events.toLocaleString('en')} events`;
  return `  ${provider}/${endpoint}  ${count}, ${money}${at === null ? '' : `, dropped from ${moment(at)}`}`;
}

function major(amount: string, currency: string): string {
  const exponent = currencyExponent(currency);
  if (exponent === undefined) return `${amount} minor units`;
  const [whole = '', ...fraction] = formatMajor(BigInt(amount), exponent).split('.');
  return [whole.replace(/\B(?=(\d{3})+$)/g, ','), ...fraction].join('.');
}

/** The queues as they are set. */
export function queuesText(queues: readonly QueueView[]): string {
  return queues
    .map((queue) => {
      const order = queue.actor === null ? '' : `, by ${queue.actor} at ${moment(queue.changed_at)}`;
      const why = queue.reason === null ? '' : `: ${oneLine(queue.reason)}`;
      const lines = [`${queue.name}  ${queue.paused ? 'paused' : 'open'}${order}${why}`];
      const settings = Object.entries(queue.settings);
      if (settings.length > 0)
        lines.push(`  settings   ${settings.map(([name, value]) => `${name} ${value}`).join(', ')}`);
      if (queue.name === 'events' && queue.workers.length === 0)
        lines.push('  workers    none: nobody posts (npx postern work, or start)');
      for (const worker of queue.workers)
        lines.push(
          `  worker ${worker.id}  since ${moment(worker.started_at)}, ${worker.holding} in hand${Object.entries(
            worker.settings ?? {},
          )
            .map(([name, value]) => `, ${name} ${value}`)
            .join('')}`,
        );
      return lines.join('\n');
    })
    .join('\n');
}

function rate(perSecond: number | null): string {
  return perSecond === null ? '–' : perSecond.toFixed(perSecond < 10 ? 1 : 0);
}

/** Seconds as people say them. */
function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
