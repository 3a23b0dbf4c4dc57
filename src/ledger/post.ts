import type { Clock } from '../clock.ts';
import { PosternError } from '../errors.ts';
import type { PaymentEvent } from '../payment-event.ts';
import type { Tx } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import type { AccountRef } from './chart.ts';
import type { Entry } from './entry.ts';
import { noteConflicts, noteEvidence, openAccounts, postEntries, type Taken, type ToldEntry } from './ledger-store.ts';
import { type Asked, createViewer } from './look.ts';
import { draftsOf, RULE_VERSION, type RuleContext } from './rules.ts';

/** What one event tells, and whose books it is about. */
export type PostRequest = {
  readonly eventId: string;
  readonly provider: string;
  readonly account: string;
  readonly marketplace: string | null;
  readonly events: readonly PaymentEvent[];
};

/** What became of one event, all or nothing. */
export type PostResult =
  /** `replayed`: all of it stood already. `transactions` are those that hold its effects, whoever told them first. */
  | { readonly kind: 'posted'; readonly transactions: readonly string[]; readonly replayed: boolean }
  | { readonly kind: 'conflict'; readonly effectKey: string }
  | { readonly kind: 'waits'; readonly effectKey: string }
  | { readonly kind: 'nothing'; readonly reason: string };

export type Ledger = {
  /** In the caller's transaction. One result a request, in their order. */
  post(tx: Tx, requests: readonly PostRequest[]): Promise<PostResult[]>;
};

const ACCOUNTS_CACHED_MAX = 50_000;

export function createLedger({ clock }: { readonly clock: Clock }): Ledger {
  /** Accounts are never removed, so an id once committed stays right. */
  const accountIds = new Map<string, number>();

  async function post(tx: Tx, requests: readonly PostRequest[]): Promise<PostResult[]> {
    const results: PostResult[] = requests.map(() => ({ kind: 'nothing', reason: 'moves no money' }));
    const conflicts = new Map<number, string>();
    // An event that conflicts takes its other effects with it: the batch is undone and run again without it. Each turn
    // takes out at least one event.
    for (let turn = 0; turn <= requests.length; turn += 1) {
      await tx.query('savepoint ledger');
      const found = await postOnce(tx, requests, conflicts, results);
      if (found.size === 0) {
        await tx.query('release savepoint ledger');
        break;
      }
      await tx.query('rollback to savepoint ledger');
      for (const [n, effectKey] of found) {
        conflicts.set(n, effectKey);
        results[n] = { kind: 'conflict', effectKey };
      }
    }
    if (conflicts.size > 0) await tellConflicts(tx, requests, conflicts);
    return results;
  }

  /** Posts all requests but those in `without`; returns who conflicts, after which the caller must undo it. */
  async function postOnce(
    tx: Tx,
    requests: readonly PostRequest[],
    without: ReadonlyMap<number, string>,
    results: PostResult[],
  ): Promise<Map<number, string>> {
    const asked = requests.map((request, n) => (without.has(n) ? [] : askedBy(request)));
    const viewer = await createViewer(tx, asked.flat(), () => uuidv7(clock.now()));
    const claimed = new Map<string, Entry>();
    const told = new Map<number, Entry[]>();
    const conflicts = new Map<number, string>();
    const entries: ToldEntry[] = [];
    for (const [n, mine] of asked.entries()) {
      if (mine.length === 0) continue;
      const view = viewAll(viewer, mine);
      if (view.kind === 'waits') {
        results[n] = view;
        continue;
      }
      told.set(n, view.entries);
      for (const entry of view.entries) {
        const first = claimed.get(entry.effectKey);
        if (first === undefined) {
          claimed.set(entry.effectKey, entry);
          entries.push({ eventId: requests[n]?.eventId ?? '', entry });
        } else if (!first.content.equals(entry.content)) conflicts.set(n, entry.effectKey);
      }
    }
    if (conflicts.size > 0) return conflicts;

    const taken = await write(tx, entries);
    for (const [n, mine] of told) {
      const clash = mine.find((entry) => {
        const standing = taken.get(claimed.get(entry.effectKey)?.id ?? '');
        return standing !== undefined && !standing.same;
      });
      if (clash !== undefined) conflicts.set(n, clash.effectKey);
    }
    if (conflicts.size === 0) await settle(tx, requests, told, claimed, taken, results);
    return conflicts;
  }

  async function write(tx: Tx, entries: readonly ToldEntry[]): Promise<Map<string, Taken>> {
    if (entries.length === 0) return new Map();
    const ids = await findAccounts(tx, entries);
    // In key order, as everybody claims them: two workers with the same effects would deadlock otherwise.
    const sorted = [...entries].sort((a, b) => (a.entry.effectKey < b.entry.effectKey ? -1 : 1));
    const accountId = (path: string): number => {
      const id = ids.get(path);
      if (id === undefined) throw new PosternError('internal', `account ${path} was not opened`);
      return id;
    };
    const taken = await postEntries(tx, sorted, accountId, RULE_VERSION);
    return new Map(taken.map((t) => [t.id, t]));
  }

  /**
   * Ids of the accounts these entries use. Those made in this transaction are not remembered: it may still be rolled
   * back, after this call too, and their ids would name nothing from then on.
   */
  async function findAccounts(tx: Tx, entries: readonly ToldEntry[]): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    const missing = new Map<string, AccountRef>();
    for (const { entry } of entries) {
      for (const { account } of entry.legs) {
        const id = accountIds.get(account.path);
        if (id === undefined) missing.set(account.path, account);
        else ids.set(account.path, id);
      }
    }
    if (missing.size === 0) return ids;
    if (accountIds.size + missing.size > ACCOUNTS_CACHED_MAX) accountIds.clear();
    for (const { id, path, fresh } of await openAccounts(tx, [...missing.values()])) {
      ids.set(path, id);
      if (!fresh) accountIds.set(path, id);
    }
    return ids;
  }

  return { post: (tx, requests) => (requests.length === 0 ? Promise.resolve([]) : post(tx, requests)) };
}

function askedBy(request: PostRequest): Asked[] {
  const context: RuleContext = request;
  return request.events.flatMap((event) =>
    draftsOf(event, context).map((draft) => ({ draft, context, eventId: request.eventId })),
  );
}

function viewAll(
  viewer: Awaited<ReturnType<typeof createViewer>>,
  asked: readonly Asked[],
): { kind: 'entries'; entries: Entry[] } | { kind: 'waits'; effectKey: string } {
  const entries: Entry[] = [];
  for (const one of asked) {
    const looked = viewer.look(one);
    if (looked.kind === 'waits') return looked;
    for (const entry of looked.entries) {
      // What moves nothing and records nothing (an amount of zero) is no transaction.
      if (entry.legs.length === 0 && one.draft.look === null) continue;
      // An adapter may tell what a rule implies anyway.
      if (!entries.some((e) => e.effectKey === entry.effectKey && e.content.equals(entry.content))) entries.push(entry);
    }
  }
  return { kind: 'entries', entries };
}

async function settle(
  tx: Tx,
  requests: readonly PostRequest[],
  told: ReadonlyMap<number, readonly Entry[]>,
  claimed: ReadonlyMap<string, Entry>,
  taken: ReadonlyMap<string, Taken>,
  results: PostResult[],
): Promise<void> {
  const links: { transactionId: string; eventId: string }[] = [];
  for (const [n, entries] of told) {
    const eventId = requests[n]?.eventId ?? '';
    const transactions: string[] = [];
    let made = 0;
    let moved = false;
    for (const entry of entries) {
      const first = claimed.get(entry.effectKey);
      const standing = taken.get(first?.id ?? '')?.existing;
      const transactionId = standing ?? first?.id ?? entry.id;
      const own = standing === undefined && first === entry;
      if (own) made += 1;
      else links.push({ transactionId, eventId });
      moved ||= !own || entry.legs.length > 0;
      if (!transactions.includes(transactionId)) transactions.push(transactionId);
    }
    if (moved) results[n] = { kind: 'posted', transactions, replayed: made === 0 };
    else results[n] = { kind: 'nothing', reason: entries.length === 0 ? 'the amount is zero' : 'moves no money' };
  }
  if (links.length > 0) await noteEvidence(tx, links);
}

async function tellConflicts(
  tx: Tx,
  requests: readonly PostRequest[],
  conflicts: ReadonlyMap<number, string>,
): Promise<void> {
  await noteConflicts(
    tx,
    [...conflicts].flatMap(([n, effectKey]) => {
      const request = requests[n];
      if (request === undefined) return [];
      const told = request.events.map((event) =>
        JSON.parse(JSON.stringify(event, (_, v) => (typeof v === 'bigint' ? v.toString() : v))),
      );
      return [{ effectKey, eventId: request.eventId, told }];
    }),
  );
}
