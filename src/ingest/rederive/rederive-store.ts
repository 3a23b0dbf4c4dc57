import type { AccountType } from '../../ledger/chart.ts';
import type { Leg } from '../../ledger/entry.ts';
import { textArray, uuidTextArray } from '../../postgres/binary-arrays.ts';
import { type Sql, type Tx, txOf } from '../../postgres/sql.ts';
import type { AuthenticityLevel } from '../../providers/provider.ts';
import type { FetchedObject, TakenEvent } from '../interpret.ts';

/** Runs `work` on one state of the books, which it may only read. */
export async function onOneState<T>(client: Parameters<typeof txOf>[0], work: (tx: Tx) => Promise<T>): Promise<T> {
  const tx = txOf(client);
  await tx.query('begin isolation level repeatable read read only');
  // All is looked up by key. Without this a plan made for tables never analysed reads whole tables for every batch.
  await tx.query('set local enable_seqscan = off');
  const value = await work(tx);
  await tx.query('commit');
  return value;
}

export type EventRange = {
  /** Ids: after the first, before the second. */
  readonly after: string;
  readonly before: string;
  /** Null: of all. */
  readonly endpoints: readonly number[] | null;
};

/** In the order they were received. */
export async function selectEventIds(sql: Sql, range: EventRange, limit: number): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select id from postern.events
     where id > $1 and id < $2 and ($3::int4[] is null or endpoint_id = any($3)) order by id limit $4`,
    [range.after, range.before, range.endpoints, limit],
  );
  return rows.map(({ id }) => id);
}

/** An event as it was taken by a worker, with the object that was fetched for it, and what became of it. */
export type StoredEvent = {
  readonly taken: TakenEvent;
  readonly status: 'queued' | 'posted' | 'no_effect' | 'deferred' | 'dead';
  readonly reason: string | null;
  /** Unix ms. */
  readonly postedAt: number | null;
};

type EventRow = {
  id: string;
  endpoint_id: number;
  item: number;
  event_id: string;
  type: string;
  account: string;
  live: boolean | null;
  received_at: Date;
  status: StoredEvent['status'];
  reason: string | null;
  posted_at: Date | null;
  level: AuthenticityLevel | null;
  headers: string | null;
  body: Buffer | null;
  outcome: FetchedObject['outcome'] | null;
  detail: string | null;
  fetched: Buffer | null;
};

export async function selectStoredEvents(tx: Tx, ids: readonly string[]): Promise<StoredEvent[]> {
  const { rows } = await tx.query<EventRow>(
    {
      name: 'rederive-events',
      text: `select e.id, e.endpoint_id, e.item, e.event_id, e.type, e.account, e.live, e.received_at, e.status, e.reason, e.posted_at,
         coalesce(d.level, k.level) as level, coalesce(d.headers, k.headers) as headers, coalesce(d.body, k.body) as body,
         f.outcome, f.detail, f.body as fetched
       from postern.events e
       left join lateral (
         select d.level, d.headers, d.body from postern.deliveries d where d.id = e.delivery_id and d.received_at = e.received_at limit 1
       ) d on true
       left join lateral (
         select k.level, k.headers, k.body from postern.deliveries_kept k where k.id = e.delivery_id and d.body is null limit 1
       ) k on true
       left join lateral (select f.outcome, f.detail, f.body from postern.fetched_objects f where f.event_id = e.id limit 1) f on true
       where e.id = any($1::uuid[]) order by e.id`,
    },
    [uuidTextArray(ids)],
  );
  return rows.map((row) => ({
    taken: {
      id: row.id,
      endpointId: row.endpoint_id,
      item: row.item,
      eventId: row.event_id,
      type: row.type,
      account: row.account,
      live: row.live,
      attempts: 0,
      // What it had to wait for then is no matter now.
      reason: null,
      receivedAt: row.received_at.getTime(),
      level: row.level ?? 'hint',
      headers: row.headers ?? '[]',
      body: row.body,
      fetched: fetchedOf(row),
    },
    status: row.status,
    reason: row.reason,
    postedAt: row.posted_at?.getTime() ?? null,
  }));
}

function fetchedOf({ outcome, detail, fetched }: EventRow): FetchedObject | null {
  if (outcome === null) return null;
  if (outcome === 'found') return fetched === null ? null : { outcome, body: fetched };
  return { outcome, detail: detail ?? '' };
}

/** A transaction as it stands, with its lines as the legs they were made from. */
export type PostedTransaction = {
  readonly id: string;
  readonly effectKey: string;
  readonly kind: string;
  readonly content: Buffer;
  readonly ruleVersion: number;
  readonly reverses: string | null;
  readonly sourceEvent: string | null;
  readonly legs: readonly Leg[];
};

type TransactionRow = {
  id: string;
  effect_key: string;
  kind: string;
  content: Buffer;
  rule_version: number;
  reverses: string | null;
  source_event: string | null;
};

const COLUMNS = 't.id, t.effect_key, t.kind, t.content, t.rule_version, t.reverses, t.source_event';

/** Those under these effect keys, those these events led to, and those whose effect key begins with one of the prefixes. */
export async function selectPosted(
  tx: Tx,
  wanted: {
    readonly keys: readonly string[];
    readonly events: readonly string[];
    readonly prefixes: readonly string[];
  },
  perPrefixMax: number,
): Promise<PostedTransaction[]> {
  const { rows } = await tx.query<TransactionRow>(
    {
      name: 'rederive-posted',
      text: `select ${COLUMNS} from postern.transactions t where t.effect_key = any($1::text[])
       union select ${COLUMNS} from postern.transactions t where t.source_event = any($2::uuid[])
       union select ${COLUMNS} from unnest($3::text[], $4::text[]) as p (low, high)
         cross join lateral (
           select * from postern.transactions t
           where t.effect_key >= p.low collate "C" and t.effect_key < p.high collate "C" limit $5
         ) as t`,
    },
    [
      textArray(wanted.keys),
      uuidTextArray(wanted.events),
      textArray(wanted.prefixes),
      // ';' follows ':' in the order of bytes.
      textArray(wanted.prefixes.map((prefix) => `${prefix.slice(0, -1)};`)),
      perPrefixMax,
    ],
  );
  const legs = await selectLegs(
    tx,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    id: row.id,
    effectKey: row.effect_key,
    kind: row.kind,
    content: row.content,
    ruleVersion: row.rule_version,
    reverses: row.reverses,
    sourceEvent: row.source_event,
    legs: legs.get(row.id) ?? [],
  }));
}

async function selectLegs(tx: Tx, ids: readonly string[]): Promise<Map<string, Leg[]>> {
  const legs = new Map<string, Leg[]>();
  if (ids.length === 0) return legs;
  const { rows } = await tx.query<{
    id: string;
    path: string;
    type: AccountType;
    open_item: boolean;
    currency: string;
    amount: bigint;
    reference: string | null;
    component: string | null;
  }>(
    {
      name: 'rederive-legs',
      text: `select p.transaction_id as id, a.path, a.type, a.open_item, p.currency, p.amount, p.reference, p.component
       from postern.postings p join postern.accounts a on a.id = p.account_id
       where p.transaction_id = any($1::uuid[]) order by p.transaction_id, p.line`,
    },
    [uuidTextArray(ids)],
  );
  for (const { id, path, type, open_item: openItem, ...line } of rows) {
    const mine = legs.get(id) ?? [];
    mine.push({ account: { path, type, openItem }, ...line });
    legs.set(id, mine);
  }
  return legs;
}

/** Events about these objects, at most so many of each and one more; one that has several references may come again. */
export async function selectEventsAbout(
  tx: Tx,
  references: readonly string[],
  perReferenceMax: number,
): Promise<{ reference: string; event: string }[]> {
  const { rows } = await tx.query<{ reference: string; event: string }>(
    {
      name: 'rederive-events-about',
      text: `select r.value as reference, f.event_id as event from unnest($1::text[]) as r (value)
       cross join lateral (
         -- Not distinct: for that the planner reads the index of the primary key, which has the events in order, to its end.
         select x.event_id from postern.event_references x where x.value = r.value collate "C" limit $2 + 1
       ) as f`,
    },
    [textArray(references), perReferenceMax],
  );
  return rows;
}

/** Which of these events told what another had posted already. */
export async function selectWitnesses(tx: Tx, events: readonly string[]): Promise<Set<string>> {
  const { rows } = await tx.query<{ event: string }>(
    {
      name: 'rederive-witnesses',
      text: 'select distinct event_id as event from postern.transaction_evidence where event_id = any($1::uuid[])',
    },
    [uuidTextArray(events)],
  );
  return new Set(rows.map(({ event }) => event));
}
