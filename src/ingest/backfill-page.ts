import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { PosternError } from '../errors.ts';
import type { Sql } from '../postgres/sql.ts';
import type { ListedEvent, ListedPage, WebhookRequest } from '../providers/provider.ts';
import { uuidText, uuidv7Bytes } from '../uuid.ts';
import { findGaps } from './backfill-gaps.ts';
import { type ComparedPage, type FoundEvent, selectStates, type TakenBackfill } from './backfill-store.ts';
import { type Accepted, type Delivery, type IncomingEvent, LISTED_METHOD } from './delivery.ts';
import type { Intake } from './intake.ts';
import { findKnown, type GroupRow, type KnownEvent } from './intake-store.ts';
import { resolveKnown } from './known-events.ts';
import { readEvents } from './read-events.ts';

export type PageParts = {
  readonly sql: Sql;
  readonly intake: Pick<Intake, 'accept'>;
  readonly clock: Clock;
};

/** Says in the delivery which backfill brought it: what a crash left uncounted is found again by it. */
const BROUGHT_BY = 'postern-backfill';
const SOURCE = 'backfill';
type Row = GroupRow & { readonly listed: ListedEvent };
/** A listed event that is here, as which of our events. */
type Here = { readonly row: Row; readonly event: string };

/**
 * Compares a page with what is here, and takes in what is missing the way a webhook's events go: its own bytes, the adapter's
 * identify, the intake with its deduplication. TLS to the processor's own host is what makes the body authentic.
 *
 * @throws PosternError what `intake.accept` rejects with, and `conflict` where the list is not of what the webhook brings.
 */
export async function comparePage(
  page: Extract<ListedPage, { kind: 'page' }>,
  taken: TakenBackfill,
  endpoint: Endpoint,
  parts: PageParts,
): Promise<ComparedPage> {
  const now = parts.clock.now();
  const rows = rowsOf(page, taken, endpoint, now);
  if (rows.length === 0) return { found: [], received: 0, posted: 0 };
  const known = await findKnown(parts.sql, rows);
  const received: Here[] = [];
  /** Taken in by this backfill before it was interrupted. */
  const recovered: Here[] = [];
  const contradicted: Here[] = [];
  const newcomers: Row[] = [];
  for (const row of rows) {
    const resolution = resolveKnown(row, known, uuidText(row.event.id));
    if (resolution === undefined) newcomers.push(row);
    else if (resolution.kind === 'conflict') contradicted.push({ row, event: resolution.firstId });
    else if (resolution.kind === 'duplicate') {
      const here = { row, event: resolution.of };
      (broughtBy(known, resolution.of, taken.id) ? recovered : received).push(here);
    }
  }
  const gaps =
    newcomers.length + recovered.length === 0
      ? new Set<string>()
      : await findGaps([...newcomers, ...recovered.map(({ row }) => row)], recovered, endpoint, parts.sql, now);
  const filled: Here[] = [...recovered];
  if (!taken.dryRun) {
    await acceptAll(
      contradicted.map(({ row }) => row),
      parts.intake,
    );
    filled.push(...(await takeIn(newcomers, received, taken, parts)));
  }
  const states = await selectStates(
    parts.sql,
    received.map(({ event }) => event),
  );
  const unfinished = received.filter(({ event }) => states.get(event)?.finished !== true);
  const tell = (outcome: FoundEvent['outcome'], { row, event }: { row: Row; event: string | null }): FoundEvent => ({
    eventId: row.event.eventId,
    type: row.event.type,
    at: row.event.occurredAt ?? row.listed.at,
    outcome,
    event,
    gap: (outcome === 'filled' || outcome === 'missing') && gaps.has(row.event.eventId),
  });
  return {
    found: [
      ...contradicted.map((one) => tell('conflict', one)),
      ...filled.map((one) => tell('filled', one)),
      ...(taken.dryRun ? newcomers.map((row) => tell('missing', { row, event: null })) : []),
      ...unfinished.map((one) => tell('unfinished', one)),
    ],
    received: received.length,
    posted: received.filter(({ event }) => states.get(event)?.posted === true).length,
  };
}

async function acceptAll(rows: readonly Row[], intake: PageParts['intake']): Promise<Accepted[]> {
  const outcomes = await Promise.allSettled(rows.map((row) => intake.accept(row.delivery)));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** What came by webhook between the comparison and this is told by the intake itself. */
async function takeIn(
  newcomers: readonly Row[],
  received: Here[],
  taken: TakenBackfill,
  { intake, sql }: PageParts,
): Promise<Here[]> {
  const accepted = await acceptAll(newcomers, intake);
  const filled = newcomers.flatMap((row, n) =>
    (accepted[n]?.stored ?? 0) > 0 ? [{ row, event: uuidText(row.event.id) }] : [],
  );
  const raced = newcomers.filter((_row, n) => accepted[n]?.stored === 0);
  if (raced.length === 0) return filled;
  const known = await findKnown(sql, raced);
  for (const row of raced) {
    const first = known.find((one) => one.eventId === row.event.eventId);
    if (first === undefined) throw new PosternError('internal', `event ${row.event.eventId} is neither new nor known`);
    (broughtBy(known, first.id, taken.id) ? filled : received).push({ row, event: first.id });
  }
  return filled;
}

function rowsOf(
  { path, events }: Extract<ListedPage, { kind: 'page' }>,
  taken: TakenBackfill,
  endpoint: Endpoint,
  now: number,
): Row[] {
  const rows = new Map<string, Row>();
  for (const listed of events) {
    // The processor's own filter may be coarser than ours.
    if (listed.at !== null && (listed.at < taken.from || listed.at >= taken.to)) continue;
    const request: WebhookRequest = { method: LISTED_METHOD, url: path, headers: [], body: listed.body };
    const identified = endpoint.provider.identify(request, endpoint.settings);
    if (identified.kind === 'control') continue;
    const told = identified.kind === 'events' ? identified.events : [];
    const incoming = readEvents(identified, request, endpoint, now).map(
      (event, n): IncomingEvent => ({
        ...event,
        account: told[n]?.account ?? listed.account ?? event.account,
        live: event.live ?? listed.live ?? null,
      }),
    );
    const wanted = incoming.filter((event) => isWanted(event.type, endpoint));
    const delivery: Delivery = {
      id: uuidv7Bytes(now),
      receivedAt: now,
      endpoint,
      method: LISTED_METHOD,
      path,
      sourceIp: SOURCE,
      headers: [[BROUGHT_BY, taken.id]],
      body: listed.body,
      sha256: hash('sha256', listed.body, 'buffer'),
      level: 'body',
      secretId: null,
      events: wanted,
    };
    for (const event of wanted) rows.set(event.eventId, { delivery, event, listed });
  }
  return [...rows.values()];
}

/** By the setting `backfill_types`: a webhook that brings chosen types only misses nothing when the others do not come. */
function isWanted(type: string, { settings }: Endpoint): boolean {
  const { backfill_types: types } = settings;
  if (types === undefined) return true;
  return types.some((wanted) => (wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted));
}

function broughtBy(known: readonly KnownEvent[], event: string, backfill: string): boolean {
  const headers = known.find(({ id }) => id === event)?.delivery?.headers;
  return headers === JSON.stringify([[BROUGHT_BY, backfill]]);
}
