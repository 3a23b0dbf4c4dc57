import type { Clock } from '../clock.ts';
import { PosternError } from '../errors.ts';
import type { Tx } from '../postgres/sql.ts';
import { uuidv7 } from '../uuid.ts';
import type { AccountRef } from './chart.ts';
import type { Entry } from './entry.ts';
import { noteConflicts, noteEvidence, openAccounts, postEntries, type Taken, type ToldEntry } from './ledger-store.ts';
import { createViewer, lockLookedAt, type Viewer } from './look.ts';
import { forgiveOlderRules } from './older-rules.ts';
import type { Asked } from './payment-state.ts';
import { draftsOf, RULE_VERSION, type RuleContext } from './rules.ts';
import type { Source } from './source.ts';
import type { Told } from './told.ts';

/** What one event, line or request tells, and whose books it is about. */
export type PostRequest = {
  readonly source: Source;
  readonly provider: string;
  readonly account: string;
  readonly marketplace: string | null;
  /** In whose days its books are kept, as `Europe/Berlin`; absent or null: UTC. */
  readonly zone?: string | null;
  readonly events: readonly Told[];
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

/** A batch, and which of it are worked now. `asked` is by request. */
type Round = {
  readonly requests: readonly PostRequest[];
  readonly asked: ReadonlyArray<readonly Asked[]>;
  readonly among: readonly number[];
};

export function createLedger({ clock }: { readonly clock: Clock }): Ledger {
  /** Accounts are never removed, so an id once committed stays right. */
  const accountIds = new Map<string, number>();

  async function post(tx: Tx, requests: readonly PostRequest[]): Promise<PostResult[]> {
    const results: PostResult[] = requests.map(() => ({ kind: 'nothing', reason: 'moves no money' }));
    const asked = requests.map(askedBy);
    await lockLookedAt(tx, asked.flat());
    const conflicts = new Map<number, string>();
    // Each round settles at least the first of those left.
    let left = [...requests.keys()];
    for (let round = 0; left.length > 0 && round <= requests.length; round += 1) {
      left = await postRound(tx, { requests, asked, among: left }, conflicts, results);
    }
    if (conflicts.size > 0) await tellConflicts(tx, requests, conflicts);
    return results;
  }

  /**
   * Posts what does not contradict each other in this batch, and returns the rest for the next round, which then finds
   * the others standing. An event that conflicts with what stands takes its other effects with it: the round is undone
   * and run again without it. Each turn takes out at least one event.
   */
  async function postRound(
    tx: Tx,
    round: Round,
    conflicts: Map<number, string>,
    results: PostResult[],
  ): Promise<number[]> {
    for (;;) {
      const among = round.among.filter((n) => !conflicts.has(n));
      await tx.query('savepoint ledger');
      const { clashes, held } = await postOnce(tx, { ...round, among }, results);
      if (clashes.size === 0) {
        await tx.query('release savepoint ledger');
        return held;
      }
      await tx.query('rollback to savepoint ledger');
      for (const [n, effectKey] of clashes) {
        conflicts.set(n, effectKey);
        results[n] = { kind: 'conflict', effectKey };
      }
    }
  }

  /** Returns who conflicts with what stands, after which the caller must undo it, and who must wait for the others. */
  async function postOnce(
    tx: Tx,
    { requests, asked, among }: Round,
    results: PostResult[],
  ): Promise<{ clashes: Map<number, string>; held: number[] }> {
    const claimed = new Map<string, Entry>();
    const told = new Map<number, Entry[]>();
    const insteadOf = new Map<string, string>();
    const clashes = new Map<number, string>();
    const held = heldBack(asked, among);
    const entries: ToldEntry[] = [];
    const now = among.filter((n) => !held.has(n));
    const viewer = await createViewer(
      tx,
      now.flatMap((n) => asked[n] ?? []),
      () => uuidv7(clock.now()),
    );
    for (const n of now) {
      const mine = asked[n] ?? [];
      const request = requests[n];
      if (request === undefined || mine.length === 0) continue;
      const effectKey = viewer.waitsFor(mine);
      if (effectKey !== null) {
        results[n] = { kind: 'waits', effectKey };
        continue;
      }
      const view = viewAll(viewer, mine);
      told.set(n, view);
      for (const entry of view) {
        const first = claimed.get(entry.effectKey);
        if (first !== undefined) {
          insteadOf.set(entry.id, first.id);
          continue;
        }
        claimed.set(entry.effectKey, entry);
        // What it takes back may be told twice in this batch, and then only the first becomes a transaction.
        const reverses = insteadOf.get(entry.reverses ?? '') ?? entry.reverses;
        entries.push({
          source: request.source,
          zone: entry.zone ?? request.zone ?? null,
          entry: { ...entry, reverses },
        });
      }
    }
    const taken = await write(tx, entries);
    for (const [n, mine] of told) {
      const clash = mine.find((entry) => {
        const standing = taken.get(claimed.get(entry.effectKey)?.id ?? '');
        return standing !== undefined && !standing.same && entry.yields !== true;
      });
      if (clash !== undefined) clashes.set(n, clash.effectKey);
    }
    if (clashes.size === 0) await settle(tx, requests, told, claimed, taken, results);
    return { clashes, held: [...held] };
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
    return new Map((await forgiveOlderRules(tx, taken, entries)).map((t) => [t.id, t]));
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
  if (
    request.source.cause === null &&
    request.events.some(({ type }) => type === 'match.allocated' || type === 'write_off')
  )
    throw new PosternError('rule_failed', 'an allocation or a write-off names who made it and why');
  return request.events.flatMap((event) => draftsOf(event, context).map((draft) => ({ draft, context })));
}

/**
 * Those that tell an effect otherwise than one before them in the batch. Which of the two is the conflict is not for this
 * batch to say: the other may contradict what stands.
 */
function heldBack(asked: Round['asked'], among: readonly number[]): Set<number> {
  const contents = new Map<string, Buffer>();
  const held = new Set<number>();
  for (const n of among) {
    const mine = (asked[n] ?? []).map(({ draft, context }) => ({
      key: `${context.provider}:${context.account}:${draft.key}`,
      content: draft.content,
      // It contradicts nothing that came before it; what comes after it may well contradict it.
      firm: draft.yields !== true,
    }));
    if (mine.some(({ key, content, firm }) => firm && contents.get(key)?.equals(content) === false)) held.add(n);
    else for (const { key, content } of mine) if (!contents.has(key)) contents.set(key, content);
  }
  return held;
}

function viewAll(viewer: Viewer, asked: readonly Asked[]): Entry[] {
  const entries: Entry[] = [];
  for (const one of asked) {
    for (const entry of viewer.look(one)) {
      // What moves nothing and records nothing (an amount of zero) is no transaction.
      if (entry.legs.length === 0 && one.draft.look === null) continue;
      // An adapter may tell what a rule implies anyway.
      if (!entries.some((e) => e.effectKey === entry.effectKey && e.content.equals(entry.content))) entries.push(entry);
    }
  }
  return entries;
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
    const event = requests[n]?.source.event ?? null;
    const transactions: string[] = [];
    let made = 0;
    let moved = false;
    for (const entry of entries) {
      const first = claimed.get(entry.effectKey);
      const standing = taken.get(first?.id ?? '')?.existing;
      const transactionId = standing ?? first?.id ?? entry.id;
      const own = standing === undefined && first === entry;
      if (own) made += 1;
      else if (event !== null) links.push({ transactionId, eventId: event });
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
      if (request === undefined || request.source.event === null) return [];
      const told = request.events.map((event) =>
        JSON.parse(JSON.stringify(event, (_, v) => (typeof v === 'bigint' ? v.toString() : v))),
      );
      return [{ effectKey, eventId: request.source.event, told }];
    }),
  );
}
