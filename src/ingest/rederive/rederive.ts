import type pg from 'pg';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { Tx } from '../../postgres/sql.ts';
import { uuidFloor } from '../../uuid.ts';
import { compare } from './compare.ts';
import { derive, type Group, looks } from './derive.ts';
import { type Finding, noCounts, type RederiveCounts } from './finding.ts';
import { gather } from './gather.ts';
import {
  onOneState,
  type PostedTransaction,
  selectEventIds,
  selectPosted,
  selectStoredEvents,
  selectWitnesses,
} from './rederive-store.ts';
import { PRESENT_RULES, type Rules, readStored, type ToldEvent } from './told-event.ts';

export type RederiveOptions = {
  /** Unix ms, by when events were received: from the first, before the second. */
  readonly from: number;
  readonly to: number;
  /** Null: of all. */
  readonly endpoints: readonly number[] | null;
  /** At most so many events, the oldest. */
  readonly limit: number;
  /** These alone, by id and in the order of their ids: at most a batch of them. Of the others only what they see of them is derived. */
  readonly only?: readonly string[];
  readonly rules?: Rules;
  readonly onProgress?: (counts: RederiveCounts) => void;
};

export type RederiveParts = {
  /** A connection of its own, connected. */
  readonly client: pg.Client;
  readonly endpoints: { byId(id: number): Endpoint | undefined };
};

const EVENTS_A_BATCH = 400;
/** Their bodies are in memory together: at most so many times the limit of a body. */
const BODIES_AT_ONCE = 25;
/** Events of payments that were compared already, so that most are not gathered again; what falls out costs time only. */
const DONE_MAX = 50_000;
/** Effects that several events tell and that were told of already. */
const TOLD_MAX = 50_000;
const EFFECTS_UNDER_A_PAYMENT_MAX = 1_000;

/** What a batch found, and how many effects of which kind it compared. */
type Found = { readonly findings: Finding[]; effects: number; newerRule: number; otherOrder: number };

/**
 * Runs raw events through the present normalisers and rules, in memory, and yields every difference to what is posted, by
 * effect key. Only reads; each batch sees one state of the books. Events that look at what stands of their payment are derived
 * with all others of that payment, once, with the oldest of them.
 */
export async function* rederive(
  { client, endpoints }: RederiveParts,
  options: RederiveOptions,
): AsyncGenerator<Finding, RederiveCounts> {
  const { rules = PRESENT_RULES, onProgress } = options;
  const start = uuidFloor(options.from);
  const before = uuidFloor(options.to);
  const wanted = options.endpoints === null ? null : new Set(options.endpoints);
  const only = options.only === undefined ? null : new Set(options.only);
  const counts = noCounts();
  const done = new Set<string>();
  const told = new Set<string>();
  let after = start;

  const isWanted = ({ id, endpointId }: ToldEvent): boolean =>
    id > start && id < before && wanted?.has(endpointId) !== false && only?.has(id) !== false;

  async function nextIds(tx: Tx, size: number): Promise<string[]> {
    if (options.only === undefined) return selectEventIds(tx, { after, before, endpoints: options.endpoints }, size);
    return options.only.filter((id) => id > after).slice(0, size);
  }

  async function read(tx: Tx, ids: readonly string[]): Promise<ToldEvent[]> {
    const events: ToldEvent[] = [];
    for (let n = 0; n < ids.length; n += BODIES_AT_ONCE) {
      const stored = await selectStoredEvents(tx, ids.slice(n, n + BODIES_AT_ONCE));
      events.push(...stored.map((one) => readStored(one, endpoints.byId(one.taken.endpointId), rules)));
    }
    return events;
  }

  async function runBatch(tx: Tx, ids: readonly string[]): Promise<Finding[]> {
    const batch = await read(tx, ids);
    const looking = batch.filter(looks);
    const {
      groups,
      crowded,
      found: findable,
    } = await gather(
      tx,
      looking.filter(({ id }) => !done.has(id)),
      (unread) => read(tx, unread),
    );
    /** An older event of theirs had them in its batch, if it could find these. */
    const isDue = ({ events }: Group): boolean => {
      const seen = events.filter((event) => looks(event) && isWanted(event));
      return seen.every(({ id }) => id >= (ids[0] ?? '')) || seen.some(({ id }) => !findable.has(id));
    };
    const apart = batch.filter((event) => !looks(event));
    const found = await compareAll(tx, [{ payments: new Set(), events: apart.map(asked) }, ...groups.filter(isDue)]);
    found.findings.push(...(await namedWithout(tx, apart)));
    for (const { payments } of crowded.filter(isDue)) {
      const reason = `${[...payments].sort().join(', ')}: over ${EFFECTS_UNDER_A_PAYMENT_MAX} events or effects`;
      found.findings.push({ ...NOTHING, kind: 'not_comparable', reason });
    }
    for (const { events } of [...groups, ...crowded]) {
      for (const event of events.filter(looks)) remember(done, event.id, DONE_MAX);
    }
    count(batch, found);
    return found.findings.filter(isNew);
  }

  async function compareAll(tx: Tx, all: readonly Group[]): Promise<Found> {
    const found: Found = { findings: [], effects: 0, newerRule: 0, otherOrder: 0 };
    const events = all.flatMap((group) => group.events.map(({ id }) => id));
    const prefixes = all.flatMap((group) => [...group.payments]);
    const witnesses = await selectWitnesses(tx, events);
    const posted = await selectPosted(tx, { keys: [], events, prefixes }, EFFECTS_UNDER_A_PAYMENT_MAX);
    const derived = all.map((group) => {
      const mine = postedOf(group, posted);
      return { group, mine, derivation: derive(group, { posted: mine, witnesses }) };
    });
    const known = new Set(posted.map(({ effectKey }) => effectKey));
    const keys = derived.flatMap(({ derivation }) => [...derivation.effects.keys()]).filter((key) => !known.has(key));
    // Posted under another event, or of a group beside this one.
    const others = new Map(
      [...posted, ...(await selectPosted(tx, { keys, events: [], prefixes: [] }, 0))].map((one) => [
        one.effectKey,
        one,
      ]),
    );
    for (const { group, mine, derivation } of derived) {
      const own = new Set(mine.map(({ effectKey }) => effectKey));
      const theirs = [...derivation.effects.keys()].flatMap((key) => {
        const one = own.has(key) ? undefined : others.get(key);
        return one === undefined ? [] : [one];
      });
      const result = compare(group, derivation, [...mine, ...theirs], rules.version);
      found.findings.push(...result.findings);
      found.effects += result.effects;
      found.newerRule += result.newerRule;
      found.otherOrder += result.otherOrder;
    }
    return found;
  }

  function count(batch: readonly ToldEvent[], found: Found): void {
    counts.events += batch.length;
    for (const event of batch) {
      if (event.kind === 'unasked') counts[event.as] += 1;
      if (event.kind === 'gone') counts.bytes_gone += 1;
    }
    counts.effects += found.effects;
    counts.newer_rule += found.newerRule;
    counts.other_order += found.otherOrder;
  }

  /** What several events tell is told of once. */
  function isNew({ kind, effectKey }: Finding): boolean {
    if (effectKey === null) return true;
    const key = `${kind} ${effectKey}`;
    if (told.has(key)) return false;
    remember(told, key, TOLD_MAX);
    return true;
  }

  while (counts.events < options.limit) {
    const size = Math.min(EVENTS_A_BATCH, options.limit - counts.events);
    const findings = await onOneState(client, async (tx) => {
      const ids = await nextIds(tx, size);
      if (ids.length === 0) return null;
      after = ids.at(-1) ?? after;
      return runBatch(tx, ids);
    });
    if (findings === null) break;
    for (const finding of findings) {
      if (finding.kind !== 'bytes_gone') counts[finding.kind] += 1;
      yield finding;
    }
    onProgress?.(counts);
  }
  return counts;
}

const NOTHING: Finding = {
  kind: 'not_comparable',
  effectKey: null,
  event: null,
  transactions: [],
  reason: null,
  derived: null,
  posted: null,
};

/** An event that posts nothing as long as it is as it is, where something is posted under it all the same. */
function asked(event: ToldEvent): ToldEvent {
  return event.kind === 'unasked' ? { ...event, kind: 'silent', reason: `the event ${STATES[event.as]}` } : event;
}

const STATES = { waiting: 'waits', dead: 'is dead', dismissed: 'was dismissed' } as const;

/** Transactions of events that cannot be derived again. */
async function namedWithout(tx: Tx, apart: readonly ToldEvent[]): Promise<Finding[]> {
  const without = new Map(
    apart.flatMap((event) => (event.kind === 'gone' || event.kind === 'unclear' ? [[event.id, event] as const] : [])),
  );
  if (without.size === 0) return [];
  const posted = await selectPosted(tx, { keys: [], events: [...without.keys()], prefixes: [] }, 0);
  return [...Map.groupBy(posted, ({ sourceEvent }) => sourceEvent)].flatMap(([id, transactions]) => {
    const event = without.get(id ?? '');
    if (event === undefined) return [];
    return [
      {
        ...NOTHING,
        kind: event.kind === 'gone' ? ('bytes_gone' as const) : ('not_comparable' as const),
        event: event.id,
        transactions: transactions.map((one) => one.id).sort(),
        reason: event.kind === 'unclear' ? event.reason : null,
      },
    ];
  });
}

function postedOf({ events, payments }: Group, posted: readonly PostedTransaction[]): PostedTransaction[] {
  const sources = new Set(events.map(({ id }) => id));
  const prefixes = [...payments];
  return posted.filter(
    ({ sourceEvent, effectKey }) =>
      (sourceEvent !== null && sources.has(sourceEvent)) || prefixes.some((prefix) => effectKey.startsWith(prefix)),
  );
}

/** The oldest goes where there are too many. */
function remember(set: Set<string>, text: string, max: number): void {
  set.add(text);
  if (set.size <= max) return;
  for (const oldest of set) {
    set.delete(oldest);
    return;
  }
}
