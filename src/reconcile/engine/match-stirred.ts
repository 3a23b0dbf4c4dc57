import { fromLine } from '../../ledger/source.ts';
import type { Tx } from '../../postgres/sql.ts';
import { spellingsOf } from '../bank/bank-account.ts';
import { type AccountRules, dueAfter, type RulesOf } from './account-rules.ts';
import { type ApplyParts, applyWishes } from './apply-matches.ts';
import { namedId } from './around-store.ts';
import { factsOf } from './facts-store.ts';
import { countOf, firstOf, type ItemAccount, type ItemFacts, type ItemKey, itemId } from './items.ts';
import {
  type AccountKey,
  accountsWithKeys,
  itemsAnnounced,
  itemsOfReports,
  type KeyedItem,
  keyId,
  keysWaitedFor,
  noteKeys,
  takeKeys,
} from './keys-store.ts';
import { matchPayouts, namesIn, plainText, type TransitCandidate } from './match-payouts.ts';
import { type Candidate, isAnnounced, isOfReport, matchPending, ownAmount } from './match-pending.ts';
import { selectOfAccount } from './residue-store.ts';
import {
  bankWords,
  failedPayouts,
  noteWhose,
  payoutWords,
  type UnpostedLine,
  unpostedLines,
  type Words,
} from './transit-store.ts';

export type MatchParts = ApplyParts & { readonly rulesOf: RulesOf };

/** Keys lead to items, and these to other keys: further than this nobody follows. */
const ROUNDS_MAX = 8;
const KEYS_MAX = 50_000;
const ITEMS_A_TRANSIT = 20_000;
const UNPOSTED_A_PAGE = 10_000;
const UNPOSTED_PAGES_MAX = 1_000;
const EARLY_MS = 2 * 86_400_000;

/**
 * The passes over `processor_pending`, for what moved or netted now and all that shares a key with it. Returns what they moved.
 */
export async function matchStirredPending(
  tx: Tx,
  { facts, gone }: { facts: readonly ItemFacts[]; gone: readonly ItemKey[] },
  parts: MatchParts,
): Promise<ItemKey[]> {
  if (facts.length === 0 && gone.length === 0) return [];
  const stirred = new Map<string, AccountKey>();
  const add = (keys: readonly AccountKey[]): AccountKey[] => {
    const fresh = keys.filter((key) => !stirred.has(keyId(key)));
    for (const key of fresh) stirred.set(keyId(key), key);
    return fresh;
  };
  const waiting = facts.filter((one) => isOfReport(one) && ownAmount(one) !== 0n);
  const withKeys = await accountsWithKeys(tx, [...new Set([...facts, ...gone].map(({ accountId }) => accountId))]);
  if (waiting.length === 0 && withKeys.size === 0) return [];
  const known = [...facts, ...gone].filter(({ accountId }) => withKeys.has(accountId));
  add(await takeKeys(tx, known));
  await noteKeys(tx, waiting);
  add(await keysWaitedFor(tx, known));
  add((await itemsOfReports(tx, waiting.map(ownKey))).map(({ key }) => key));

  type Keyed = {
    readonly item: ItemKey;
    readonly named: Map<string, AccountKey>;
    readonly told: Map<string, AccountKey>;
  };
  const found = new Map<string, Keyed>();
  const keep = (by: 'named' | 'told', { item, key }: KeyedItem): void => {
    const mine = found.get(itemId(item)) ?? { item, named: new Map(), told: new Map() };
    mine[by].set(keyId(key), key);
    found.set(itemId(item), mine);
  };
  for (let round = 0, keys = [...stirred.values()]; keys.length > 0 && round < ROUNDS_MAX; round += 1) {
    const [ofReports, announced] = [await itemsOfReports(tx, keys), await itemsAnnounced(tx, keys)];
    for (const one of ofReports) keep('named', one);
    for (const one of announced) keep('told', one);
    if (stirred.size > KEYS_MAX) break;
    const items = [...ofReports, ...announced];
    const named = items.map(({ item }) => item);
    keys = add([...items.map(({ key }) => key), ...(await keysWaitedFor(tx, named))]);
  }
  const all = new Map<string, ItemKey>(
    [...facts, ...[...found.values()].map(({ item }) => item)].map((one) => [itemId(one), one]),
  );
  const candidates = (await factsOf(tx, [...all.values()])).map((one): Candidate => {
    const { named, told } = found.get(itemId(one)) ?? {};
    // What an event names is what it announced: a line in another currency under the same reference belongs to that.
    return { facts: one, keys: [...(named?.values() ?? []), ...(isAnnounced(one) ? (told?.values() ?? []) : [])] };
  });
  const { wishes, ambiguous } = matchPending(candidates);
  return applyWishes(tx, { items: candidates.map((one) => one.facts), wishes, ambiguous }, parts);
}

const ownKey = ({ accountId, reference }: ItemKey): AccountKey => ({ accountId, kind: 'payment', key: reference });

/** The passes over `bank_in_transit` of one account, all that is open of it. Returns what they moved. */
export async function matchTransit(tx: Tx, account: ItemAccount, parts: MatchParts): Promise<ItemKey[]> {
  const rules = parts.rulesOf(account);
  if (rules.bankAccount === null) return [];
  const items = await selectOfAccount(tx, account.id, ITEMS_A_TRANSIT);
  const open = await factsOf(tx, items);
  // A payout that failed nets to nothing, and is open no more: only a bank line can say that its money arrived.
  const isWaiting = open.some((one) => countOf(one, 'bank') > 0 && countOf(one, 'announced') === 0);
  const known = new Set(open.map(itemId));
  const failed = isWaiting ? (await failedPayouts(tx, account.id)).filter((one) => !known.has(itemId(one))) : [];
  const facts = [...open, ...(await factsOf(tx, failed))];
  const candidates = await withWords(tx, facts, rules);
  const posted = await postNamed(tx, account, candidates, rules, parts);
  // What was posted just now is in hand by the next turn, with its own movements.
  const { wishes, ambiguous } = matchPayouts(candidates.filter(({ facts: one }) => !posted.has(itemId(one))));
  return applyWishes(tx, { items: facts, wishes, ambiguous }, parts);
}

async function withWords(tx: Tx, facts: readonly ItemFacts[], rules: AccountRules): Promise<TransitCandidate[]> {
  const byName = (all: readonly Words[]) => new Map(all.map((one) => [namedId(one), one.words]));
  const names = byName(await payoutWords(tx, facts.filter(isAnnounced)));
  const texts = byName(
    await bankWords(
      tx,
      facts.filter((one) => countOf(one, 'bank') > 0),
    ),
  );
  return facts.map((one) => {
    const told = firstOf(one, 'announced');
    return {
      facts: one,
      names: told === undefined ? [] : [one.reference, ...(names.get(namedId(one)) ?? [])].map(plainText),
      text: (texts.get(namedId(one)) ?? []).map(plainText).join(' '),
      dueAt: told === undefined ? 0 : dueAfter(rules, told, rules.bankDays),
    };
  });
}

/** A statement came before the payout it names: its entry is that payout's, and is posted now. Returns the payouts. */
async function postNamed(
  tx: Tx,
  { provider, account }: ItemAccount,
  candidates: readonly TransitCandidate[],
  rules: AccountRules,
  { ledger }: MatchParts,
): Promise<Set<string>> {
  const payouts = candidates.filter(({ facts, names }) => names.length > 0 && ownAmount(facts) !== 0n);
  const since = Math.min(...payouts.map(({ facts }) => firstOf(facts, 'announced') ?? Number.POSITIVE_INFINITY));
  if (rules.bankAccount === null || !Number.isFinite(since)) return new Set();
  const named: { readonly line: UnpostedLine; readonly payout: TransitCandidate }[] = [];
  let after: UnpostedLine | null = null;
  for (let page = 0; page < UNPOSTED_PAGES_MAX; page += 1) {
    const lines: UnpostedLine[] = await unpostedLines(tx, {
      bankAccount: spellingsOf(rules.bankAccount),
      since: since - EARLY_MS,
      after,
      limit: UNPOSTED_A_PAGE,
    });
    for (const line of lines) {
      const text = line.words.map(plainText).join(' ');
      const payout = payouts.find(({ facts, names }) => facts.currency === line.currency && namesIn(text, names));
      if (payout !== undefined) named.push({ line, payout });
    }
    after = lines.at(-1) ?? null;
    if (lines.length < UNPOSTED_A_PAGE) break;
  }
  for (const { line, payout } of named) {
    const { reference } = payout.facts;
    const { bankAccount, identity, amount, currency, bookedAt: at, zone } = line;
    await ledger.post(tx, [
      {
        source: fromLine(line.id),
        provider,
        account,
        marketplace: null,
        zone,
        events: [{ type: 'bank.line', identity, bankAccount, reference, amount, currency, at, zone }],
      },
    ]);
    await noteWhose(tx, { id: line.id, provider, account, reference });
  }
  return new Set(named.map(({ payout }) => itemId(payout.facts)));
}
