import { hash } from 'node:crypto';
import type pg from 'pg';
import type { CertificateSource } from '../../certificates.ts';
import type { Clock } from '../../clock.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { messageOf } from '../../errors.ts';
import { sqlOf, withTransaction } from '../../postgres/sql.ts';
import type { ActiveSecret } from '../../providers/provider.ts';
import { uuidText, uuidv7Bytes } from '../../uuid.ts';
import type { Accepted, Delivery } from '../delivery.ts';
import type { Intake } from '../intake.ts';
import { findKnown, type GroupRow } from '../intake-store.ts';
import { resolveKnown } from '../known-events.ts';
import { readEvents } from '../read-events.ts';
import { deleteQuarantined, lockEndpointQuarantine } from './quarantine-store.ts';
import { type QuarantinedRequest, selectQuarantined, selectStillThere } from './recheck-store.ts';
import { type VerifyAgainParts, verifyAgain } from './verify-again.ts';

/** The secrets of a recheck: those valid when the request came, or the named ones at any time. */
export type SecretsAt = (receivedAt: number) => readonly ActiveSecret[];

export type RecheckPageParts = Omit<VerifyAgainParts, 'certificates'> & {
  readonly pool: pg.Pool;
  readonly intake: Pick<Intake, 'accept'>;
  readonly certificates: CertificateSource & { idle(): Promise<void> };
  readonly noteUse: (secretId: string, at: number) => void;
  readonly clock: Clock;
};

/** What a quarantined request came to, when it was verified again. */
export type Rechecked = { readonly id: string; readonly receivedAt: Date; readonly before: string } & (
  | { readonly kind: 'authentic'; readonly delivery: Delivery }
  /** Authentic, and there is no event in it. */
  | { readonly kind: 'empty' }
  /** `needs`: the certificate that is not at hand. */
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string; readonly needs?: string }
);

export type RecheckedPage = {
  readonly checked: number;
  /** How many requests left the quarantine; in a dry run: would. */
  readonly authentic: number;
  readonly empty: number;
  readonly events: Accepted;
  /** What the intake refused one of them with, if it did: the others of the page are in. */
  readonly failure: Error | null;
  readonly refused: readonly Extract<Rechecked, { kind: 'refused' }>[];
  /** Where the next page begins; null: this was the last. */
  readonly last: string | null;
};

/** Bodies of 64 KiB at most: a page is 6.4 MB. */
export const PAGE_ROWS = 100;
/** Says in the delivery that it was refused at first, and when it came: it counts as received now. */
const CAME_FROM = 'postern-quarantine';

/**
 * Verifies a page of an endpoint's quarantined requests, and takes in what is authentic the way a webhook goes: the adapter's
 * identify, the intake with its deduplication. A process killed between the intake's commit and this one's leaves a request
 * that is a duplicate the next time.
 */
export async function recheckPage(
  endpoint: Endpoint,
  secretsAt: SecretsAt,
  { after, dryRun, seen }: { after: string | null; dryRun: boolean; seen: Set<string> },
  parts: RecheckPageParts,
): Promise<RecheckedPage> {
  const stored = await selectQuarantined(sqlOf(parts.pool), endpoint.id, { after, limit: PAGE_ROWS });
  const recheckAll = (): Rechecked[] =>
    stored.map((one) => recheckOne(one, endpoint, secretsAt(one.received_at.getTime()), parts));
  let all = recheckAll();
  const missing = new Set(all.flatMap((one) => (one.kind === 'refused' && one.needs !== undefined ? [one.needs] : [])));
  if (missing.size > 0) {
    // Beside a request a certificate is fetched for the next one; here somebody waits for it.
    for (const url of missing) parts.certificates.request(endpoint.id, url);
    await parts.certificates.idle();
    all = recheckAll();
  }
  const authentic = all.filter((one) => one.kind === 'authentic');
  const empty = all.filter((one) => one.kind === 'empty');
  const taken = dryRun
    ? { count: authentic.length, events: await forecast(authentic, seen, parts), failure: null }
    : await takeIn(endpoint.id, authentic, empty, parts);
  return {
    checked: all.length,
    authentic: taken.count,
    empty: empty.length,
    events: taken.events,
    failure: taken.failure,
    refused: all.filter((one) => one.kind === 'refused'),
    last: stored.length < PAGE_ROWS ? null : (stored.at(-1)?.id ?? null),
  };
}

function recheckOne(
  stored: QuarantinedRequest,
  endpoint: Endpoint,
  secrets: readonly ActiveSecret[],
  parts: RecheckPageParts,
): Rechecked {
  const about = { id: stored.id, receivedAt: stored.received_at, before: stored.reason };
  const { request, verdict } = verifyAgain(stored, endpoint, secrets, parts);
  if (verdict.kind === 'rejected') return { ...about, kind: 'refused', reason: verdict.reason, detail: verdict.detail };
  if (verdict.kind === 'needs') {
    const detail = 'its signing certificate or key could not be fetched; try again in a minute';
    return { ...about, kind: 'refused', reason: 'certificate', detail, needs: verdict.url };
  }
  const { provider, settings } = endpoint;
  const identified = provider.identify(request, settings);
  const now = parts.clock.now();
  const events = identified.kind === 'control' ? [] : readEvents(identified, request, endpoint, now);
  if (events.length === 0) return { ...about, kind: 'empty' };
  // Received now: what waits, and for how long, counts from here on. Its day of deliveries is today's.
  const delivery: Delivery = {
    id: uuidv7Bytes(now),
    receivedAt: now,
    endpoint,
    method: stored.method,
    path: stored.path,
    sourceIp: stored.source_ip,
    // As stored: credentials stay hashed. `as`: written by us from the same type.
    headers: [
      [CAME_FROM, `${stored.id} ${stored.received_at.toISOString()}`],
      ...(JSON.parse(stored.headers) as [string, string][]),
    ],
    body: stored.body,
    sha256: hash('sha256', stored.body, 'buffer'),
    level: verdict.level,
    secretId: verdict.secretId,
    events,
  };
  return { ...about, kind: 'authentic', delivery };
}

type Authentic = Extract<Rechecked, { kind: 'authentic' }>;

async function takeIn(
  endpointId: number,
  authentic: readonly Authentic[],
  empty: readonly Rechecked[],
  { pool, intake, noteUse }: RecheckPageParts,
): Promise<{ count: number; events: Accepted; failure: Error | null }> {
  if (authentic.length + empty.length === 0) return { count: 0, events: NOTHING, failure: null };
  let failure: Error | null = null;
  const taken = await withTransaction(pool, async (tx) => {
    await lockEndpointQuarantine(tx, endpointId);
    const there = await selectStillThere(
      tx,
      [...authentic, ...empty].map(({ id }) => id),
    );
    const mine = authentic.filter(({ id }) => there.has(id));
    const outcomes = await Promise.allSettled(mine.map(({ delivery }) => intake.accept(delivery)));
    const done: { one: Authentic; accepted: Accepted }[] = [];
    for (const [n, outcome] of outcomes.entries()) {
      const one = mine[n];
      if (outcome.status === 'rejected') failure ??= errorOf(outcome.reason);
      else if (one !== undefined) done.push({ one, accepted: outcome.value });
    }
    await deleteQuarantined(tx, [...done.map(({ one }) => one.id), ...empty.map(({ id }) => id)]);
    return done;
  });
  for (const { one } of taken)
    if (one.delivery.secretId !== null) noteUse(one.delivery.secretId, one.receivedAt.getTime());
  return { count: taken.length, events: taken.map(({ accepted }) => accepted).reduce(sumOf, NOTHING), failure };
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(messageOf(reason));
}

const NOTHING: Accepted = { stored: 0, duplicates: 0, conflicts: 0 };

export function sumOf(a: Accepted, b: Accepted): Accepted {
  return {
    stored: a.stored + b.stored,
    duplicates: a.duplicates + b.duplicates,
    conflicts: a.conflicts + b.conflicts,
  };
}

/** What taking them in would come to, by the same comparison; `seen` are the identities of the pages before. */
async function forecast(
  authentic: readonly Authentic[],
  seen: Set<string>,
  { pool }: RecheckPageParts,
): Promise<Accepted> {
  const rows: GroupRow[] = authentic.flatMap(({ delivery }) => delivery.events.map((event) => ({ delivery, event })));
  if (rows.length === 0) return NOTHING;
  const known = await findKnown(sqlOf(pool), rows);
  const counts = { stored: 0, duplicates: 0, conflicts: 0 };
  for (const row of rows) {
    const { eventId, variant } = row.event;
    const identity = `${eventId} ${variant.toString('hex')}`;
    const found = resolveKnown(row, known, uuidText(row.event.id));
    if (found?.kind === 'conflict') counts.conflicts += 1;
    else if (found !== undefined || seen.has(identity)) counts.duplicates += 1;
    else counts.stored += 1;
    seen.add(identity);
  }
  return counts;
}
