import { PosternError } from '../errors.ts';
import { chart } from '../ledger/chart.ts';
import type { Tx } from '../postgres/sql.ts';
import { type Asked, type Request, requestOf } from './asked.ts';
import { type Decision, decide, type Failure } from './decide.ts';
import { readMajor } from './major-amount.ts';
import { findAccounts, holdBalances, postDecided } from './post-decided.ts';
import {
  addRefunded,
  claim,
  endRequests,
  findClaimed,
  findOriginals,
  holdOriginals,
  knownTransactions,
  type Original,
} from './request-store.ts';
import { serviceAccount } from './service-account.ts';

/** What became of one that asked. */
export type Outcome =
  /** New, durable, and worked: `failure` says why it did not post. */
  | { readonly kind: 'accepted'; readonly failure: Failure | null }
  /** Its key was known with the same content. */
  | { readonly kind: 'repeated' }
  /** Nothing is kept of it: a key known with other content, or a refund of what cannot be refunded. */
  | { readonly kind: 'refused'; readonly error: PosternError };

export type Outcomes = Map<Asked, Outcome>;

/** Whose kind an id is, apart from the transaction it comes to. */
export type NewId = () => string;

/**
 * Claims, decides and posts a group, all in the caller's transaction. The keys are claimed first; after them come refunded
 * requests, accounts, the accounts that may not be overdrawn, and then the ledger's own order of locks, each sorted.
 * `failing`: nothing posts, all that is claimed fails with it.
 */
export async function workGroup(
  tx: Tx,
  group: readonly Asked[],
  newId: NewId,
  failing: Failure | null = null,
): Promise<Outcomes> {
  const outcomes: Outcomes = new Map();
  const requests = await prepare(tx, group, newId, outcomes);
  const claimed = await claimAll(tx, requests, outcomes);
  if (claimed.length === 0) return outcomes;
  const decisions =
    failing === null
      ? await decideAndPost(tx, claimed)
      : claimed.map((request) => ({ request, amount: request.amount, failure: failing }));
  await endRequests(
    tx,
    decisions.map(({ request, amount, failure }) => ({ id: request.asked.id, amount, failure })),
  );
  for (const { request, failure } of decisions) outcomes.set(request.asked, { kind: 'accepted', failure });
  return outcomes;
}

async function decideAndPost(tx: Tx, requests: readonly Request[]): Promise<Decision[]> {
  const refunded = requests.flatMap((request) => (request.refunds === null ? [] : [request.refunds]));
  const remaining = refunded.length === 0 ? new Map<string, bigint>() : await holdOriginals(tx, refunded);
  const accounts = await findAccounts(tx, requests);
  const balances = await holdBalances(tx, requests, accounts);
  const decisions = decide(requests, { accounts, balances, remaining });
  await postDecided(tx, decisions, accounts);
  const given = new Map<string, bigint>();
  for (const { request, amount, failure } of decisions) {
    if (request.refunds === null || failure !== null || amount === null) continue;
    given.set(request.refunds, (given.get(request.refunds) ?? 0n) + amount);
  }
  if (given.size > 0) await addRefunded(tx, given);
  return decisions;
}

/** Claims the keys. Those that others of the group or of before have are compared with them. Returns who got theirs, in order. */
async function claimAll(tx: Tx, requests: readonly Request[], outcomes: Outcomes): Promise<Request[]> {
  const firsts = new Map<string, Request>();
  for (const request of requests) {
    if (!firsts.has(request.asked.idempotencyKey)) firsts.set(request.asked.idempotencyKey, request);
  }
  if (firsts.size === 0) return [];
  const claimed = await claim(tx, [...firsts.values()]);
  const others = requests.filter((request) => !claimed.has(request.asked.id));
  if (others.length > 0) {
    const standing = await findClaimed(tx, [...new Set(others.map((request) => request.asked.idempotencyKey))]);
    for (const { asked, content } of others) {
      const first = standing.get(asked.idempotencyKey);
      if (first === undefined)
        throw new PosternError('internal', `the key ${asked.idempotencyKey} is taken, but nobody stands under it`);
      // A connection that was lost during the commit: the first attempt came through after all.
      if (first.id === asked.id) outcomes.set(asked, { kind: 'accepted', failure: null });
      else if (first.content.equals(content)) outcomes.set(asked, { kind: 'repeated' });
      else outcomes.set(asked, { kind: 'refused', error: keyConflict(asked.idempotencyKey) });
    }
  }
  return requests.filter((request) => claimed.has(request.asked.id));
}

function keyConflict(key: string): PosternError {
  return new PosternError(
    'conflict',
    `the idempotency key ${JSON.stringify(key)} was used for another request; nothing was done. Send a new one with a new key`,
  );
}

/** Looks up what refunds give back, and refuses what no service made. */
async function prepare(tx: Tx, group: readonly Asked[], newId: NewId, outcomes: Outcomes): Promise<Request[]> {
  const ids = [...new Set(group.flatMap(({ wish }) => (wish.kind === 'refund' ? [wish.of] : [])))];
  const originals = new Map(
    ids.length === 0 ? [] : (await findOriginals(tx, ids)).map((original) => [original.transactionId, original]),
  );
  const unknown = ids.filter((id) => !originals.has(id));
  const ofOthers = unknown.length === 0 ? new Set<string>() : await knownTransactions(tx, unknown);
  return group.flatMap((asked) => {
    const { wish } = asked;
    if (wish.kind === 'transfer') {
      const { source, destination, currency, amount } = wish;
      return [requestOf(asked, { source, destination, currency, amount, refunds: null, transactionId: newId() })];
    }
    const refund = refundOf(asked, wish, { original: originals.get(wish.of), exists: ofOthers.has(wish.of) }, newId);
    if (!(refund instanceof PosternError)) return [refund];
    outcomes.set(asked, { kind: 'refused', error: refund });
    return [];
  });
}

/** Mirrors the original: what was credited is debited. */
function refundOf(
  asked: Asked,
  wish: Extract<Asked['wish'], { kind: 'refund' }>,
  { original, exists }: { readonly original: Original | undefined; readonly exists: boolean },
  newId: NewId,
): Request | PosternError {
  if (original === undefined && exists)
    return new PosternError(
      'conflict',
      `transaction ${wish.of} was not made by a service: what a processor told is refunded at the processor`,
    );
  if (original === undefined) return new PosternError('not_found', `there is no transaction ${wish.of}`);
  if (original.kind === 'refund')
    return new PosternError('conflict', `transaction ${wish.of} is a refund itself; send a new transaction instead`);
  const { currency } = original;
  const read = wish.amount === null ? { amount: null } : readMajor(wish.amount, currency);
  if ('fault' in read) {
    const faults = [{ path: 'body/amount', message: read.fault }];
    return new PosternError('invalid_request', `body/amount ${read.fault}`, { faults });
  }
  const [source, destination] = [accountAt(original.destination), accountAt(original.source)];
  return requestOf(asked, {
    source,
    destination,
    currency,
    amount: read.amount,
    refunds: wish.of,
    transactionId: newId(),
  });
}

function accountAt(path: string) {
  const account = path === chart.openingBalances.path ? chart.openingBalances : serviceAccount(path);
  if ('fault' in account) throw new PosternError('internal', `a request moved ${path}, which ${account.fault}`);
  return account;
}
