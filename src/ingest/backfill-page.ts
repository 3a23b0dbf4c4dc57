import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { PosternError } from '../errors.ts';
import type { Sql } from '../postgres/sql.ts';
import type { ListedEvent, ListedPage, WebhookRequest } from '../providers/provider.ts';
import { uuidText, uuidv7Bytes } from '../uuid.ts';
import {
  type ComparedPage,
  type FoundEvent,
  selectForeignAccount,
  selectStatuses,
  type TakenBackfill,
} from './backfill-store.ts';
import { type Delivery, type IncomingEvent, LISTED_METHOD } from './delivery.ts';
import type { Intake } from './intake.ts';
import { findKnown, type GroupRow, type KnownEvent } from './intake-store.ts';
import { resolveKnown } from './known-events.ts';
import { readEvents } from './read-events.ts';
import { meaningOf } from './same-money.ts';

export type PageParts = {
  readonly sql: Sql;
  readonly intake: Pick<Intake, 'accept'>;
  readonly clock: Clock;
};

/** Says in the delivery which backfill brought it: what a crash left uncounted is found again by it. */
const BROUGHT_BY = 'postern-backfill';
const SOURCE = 'backfill';
/** A webhook may be on its way for a while before anybody would call it missing. */
export const GRACE_MS = 10 * 60_000;

type Row = GroupRow & { readonly listed: ListedEvent };

/**
 * Compares a page with what is here, and takes in what is missing the way a webhook's events go: its own bytes, the adapter's
 * identify, the intake with its deduplication. TLS to the processor's own host is what makes the body authentic.
 *
 * @throws PosternError what `intake.accept` rejects with, and `conflict` where the events would go to another account's books.
 */
export async function comparePage(
  page: Extract<ListedPage, { kind: 'page' }>,
  taken: TakenBackfill,
  endpoint: Endpoint,
  parts: PageParts,
): Promise<ComparedPage> {
  const rows = rowsOf(page, taken, endpoint, parts.clock.now());
  if (rows.length === 0) return { found: [], received: 0, posted: 0 };
  const known = await findKnown(parts.sql, rows);
  const received: { row: Row; of: string }[] = [];
  const newcomers: Row[] = [];
  const found: FoundEvent[] = [];
  for (const row of rows) {
    const resolution = resolveKnown(row, known, uuidText(row.event.id));
    if (resolution === undefined) newcomers.push(row);
    else if (resolution.kind === 'conflict') {
      if (!taken.dryRun) await parts.intake.accept(row.delivery);
      found.push({ ...about(row), outcome: 'conflict', event: resolution.firstId, gap: false });
    } else if (resolution.kind === 'duplicate') {
      if (broughtBy(known, resolution.of, taken.id)) found.push(filled(row, resolution.of, parts.clock.now()));
      else received.push({ row, of: resolution.of });
    }
  }
  await refuseForeignAccount(newcomers, endpoint, parts.sql);
  if (taken.dryRun) {
    found.push(
      ...newcomers.map((row): FoundEvent => ({ ...filled(row, null, parts.clock.now()), outcome: 'missing' })),
    );
  } else {
    found.push(...(await takeIn(newcomers, received, taken, parts)));
  }
  const statuses = await selectStatuses(
    parts.sql,
    received.map(({ of }) => of),
  );
  for (const { row, of } of received) {
    const status = statuses.get(of);
    if (status !== 'posted' && status !== 'no_effect')
      found.push({ ...about(row), outcome: 'unfinished', event: of, gap: false });
  }
  return {
    found,
    received: received.length,
    posted: received.filter(({ of }) => statuses.get(of) === 'posted').length,
  };
}

/** What came by webhook between the comparison and this is told by the intake itself. */
async function takeIn(
  newcomers: readonly Row[],
  received: { row: Row; of: string }[],
  taken: TakenBackfill,
  { intake, sql, clock }: PageParts,
): Promise<FoundEvent[]> {
  const accepted = await Promise.allSettled(newcomers.map((row) => intake.accept(row.delivery)));
  const failed = accepted.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const found: FoundEvent[] = [];
  const raced: Row[] = [];
  for (const [n, row] of newcomers.entries()) {
    const one = accepted[n];
    if (one?.status === 'fulfilled' && one.value.stored > 0)
      found.push(filled(row, uuidText(row.event.id), clock.now()));
    else raced.push(row);
  }
  if (raced.length === 0) return found;
  const known = await findKnown(sql, raced);
  for (const row of raced) {
    const first = known.find((one) => one.eventId === row.event.eventId);
    if (first === undefined) throw new PosternError('internal', `event ${row.event.eventId} is neither new nor known`);
    if (broughtBy(known, first.id, taken.id)) found.push(filled(row, first.id, clock.now()));
    else received.push({ row, of: first.id });
  }
  return found;
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

function about({ event, listed }: Row): Pick<FoundEvent, 'eventId' | 'type' | 'at'> {
  return { eventId: event.eventId, type: event.type, at: event.occurredAt ?? listed.at };
}

function filled(row: Row, event: string | null, now: number): FoundEvent {
  return { ...about(row), outcome: 'filled', event, gap: isGap(row, now) };
}

/** Money that should have been told long ago. What moves none may well be a type the webhook was never asked to bring. */
function isGap({ delivery, event, listed }: Row, now: number): boolean {
  const at = event.occurredAt ?? listed.at ?? now;
  if (listed.object === true || at > now - GRACE_MS) return false;
  const told = { request: delivery, item: event.item, id: event.eventId, type: event.type, account: event.account };
  return meaningOf(told, delivery.endpoint)?.kind !== 'no_effect';
}

function broughtBy(known: readonly KnownEvent[], event: string, backfill: string): boolean {
  const headers = known.find(({ id }) => id === event)?.delivery?.headers;
  return headers === JSON.stringify([[BROUGHT_BY, backfill]]);
}

/**
 * Events that name no account would post under the endpoint's own. Where all that ever came are of other accounts, the key is
 * another account's too: its money, told by its own endpoint, would be counted twice.
 */
async function refuseForeignAccount(newcomers: readonly Row[], endpoint: Endpoint, sql: Sql): Promise<void> {
  if (!newcomers.some(({ event }) => event.account === endpoint.account)) return;
  const other = await selectForeignAccount(sql, endpoint.id, endpoint.account);
  if (other === null) return;
  throw new PosternError(
    'conflict',
    `the key lists events of its own account, and what came to this endpoint is of others (${other}): name them in "accounts"`,
  );
}
