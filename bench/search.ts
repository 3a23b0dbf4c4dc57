import { hash } from 'node:crypto';
import type pg from 'pg';
import { selectEvents } from '../src/api/event-store.ts';
import type { EventFilter } from '../src/ingest/event-filter.ts';
import { selectEventGroups } from '../src/ingest/event-groups-store.ts';
import { type Sql, sqlOf } from '../src/postgres/sql.ts';
import { fillEvents } from './fill-events.ts';
import { median } from './ratios.ts';
import type { Effort, Figures } from './sections.ts';
import type { Stand } from './stand.ts';

type Tell = (line: string) => void;

const PAGE = 51;
const TIMES = 5;

/** What a person on call looks for; each is the worst of its kind that `fillEvents` makes. */
const SEARCHES: readonly (readonly [what: string, filter: EventFilter])[] = [
  ['the newest', {}],
  ['one id of the processor’s', { event_id: `evt_${hash('md5', 'event 12345').slice(0, 24)}` }],
  ['a payment', { reference: `ch_${hash('md5', 'payment 4321')}` }],
  ['a payout of 5,000 events', { reference: 'po_20' }],
  ['a customer of a tenth of all events', { reference: 'cus_everybody' }],
  ['… and their dead letters', { reference: 'cus_everybody', status: 'dead' }],
  ['a common type', { type: 'charge.succeeded' }],
  ['a rare type', { type: 'charge.dispute.created' }],
  ['a type that has not come since the first tenth', { type: 'charge.legacy' }],
  ['… of one endpoint', { type: 'charge.legacy', provider: 'paypal', endpoint: 'search' }],
  ['an endpoint that is silent since then', { provider: 'stripe', endpoint: 'silent' }],
  ['a processor', { provider: 'adyen' }],
  ['a day', { from: '2026-01-10T00:00:00Z', to: '2026-01-11T00:00:00Z' }],
  ['a day of a processor', { provider: 'adyen', from: '2026-01-10T00:00:00Z', to: '2026-01-11T00:00:00Z' }],
  ['an amount of one event', { amount: '7920' }],
  ['an amount that a fortieth of all have', { amount: '999', currency: 'USD' }],
  ['… in a rare currency', { amount: '999', currency: 'KWD' }],
  ['amounts between two', { amount_min: '20000000', amount_max: '20000100' }],
  ['amounts from one on, which all have', { amount_min: '100' }],
  ['dead letters', { status: 'dead' }],
  ['dead letters of one cause', { provider: 'stripe', type: 'charge.refunded', error_code: 'rule_failed' }],
  ['what waits for an object', { waiting_for: 'object' }],
  ['what is queued', { status: 'queued' }],
  ['posted', { status: 'posted', provider: 'paypal' }],
];

/** Searches among many events; the slowest is what counts. */
export async function search(stand: Stand, effort: Effort, tell: Tell): Promise<Figures> {
  await fillEvents(stand.sql, { from: 0, to: effort.searched }, tell);
  return { searched_events: effort.searched, ...(await searching(stand.sql, tell)) };
}

/** Times each search as the API makes it, and tells which indexes it read and how many pages of the database. */
export async function searching(pool: pg.Pool, tell: Tell): Promise<Figures> {
  const sql = sqlOf(pool);
  const took: number[] = [];
  const time = async (what: string, ask: (on: Sql) => Promise<unknown>): Promise<number> => {
    const runs: number[] = [];
    for (let n = 0; n < TIMES; n += 1) {
      const begun = performance.now();
      await ask(sql);
      runs.push(performance.now() - begun);
    }
    let read = '';
    await ask(explaining(sql, (plan) => (read = plan)));
    tell(`${median(runs).toFixed(1).padStart(8)} ms, first ${runs[0]?.toFixed(1).padStart(8)}  ${what}: ${read}`);
    return median(runs);
  };
  for (const [what, filter] of SEARCHES) {
    const page = { order: 'newest', beyond: null, limit: PAGE } as const;
    took.push(await time(what, (on) => selectEvents(on, filter, page)));
  }
  const groups = await time('dead letters by cause', (on) => selectEventGroups(on, { status: 'dead' }, 500));
  return { search_worst_ms: Math.max(...took), groups_ms: groups };
}

type Plan = {
  readonly 'Index Name'?: string;
  readonly 'Node Type'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly Plan[];
};

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** An `Sql` that explains what it is asked instead of answering. */
function explaining(sql: Sql, told: (plan: string) => void): Sql {
  return {
    async query(statement, values) {
      const text = typeof statement === 'string' ? statement : statement.text;
      const { rows } = await sql.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
        `explain (analyze, buffers, format json) ${text}`,
        values,
      );
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan ?? {};
      const by = nodesOf(plan).flatMap(
        (node) => node['Index Name'] ?? (node['Node Type'] === 'Seq Scan' ? `all of ${node['Relation Name']}` : []),
      );
      told(
        `${(plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)} pages by ${[...new Set(by)].join(', ')}`,
      );
      return { rows: [], rowCount: 0, command: '' };
    },
  };
}
