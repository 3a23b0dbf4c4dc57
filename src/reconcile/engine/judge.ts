import type { Sql, Tx } from '../../postgres/sql.ts';
import type { RulesOf } from './account-rules.ts';
import { type Around, classify } from './classify.ts';
import type { Found } from './discrepancy-store.ts';
import { factsOf, leftSince } from './facts-store.ts';
import { foundItem, movedAt, openedAt } from './found-item.ts';
import type { ItemAccounts } from './item-accounts.ts';
import { type ItemKey, itemId, sumOf, waitsForProcessor } from './items.ts';
import { keepCleared, keepFound } from './keep-discrepancies.ts';
import { type Item, lookAround } from './look-around.ts';
import { coverOf } from './missing-files.ts';
import { type Judged, type Residue, removeItems, stirUnsettled, writeJudged } from './residue-store.ts';
import { withAdvice } from './suggest.ts';
import type { Verdict } from './verdict.ts';

export type JudgeParts = {
  readonly accounts: ItemAccounts;
  readonly rulesOf: RulesOf;
};

/** What items are, before any of it is written. A discrepancy's own id is known when it is kept. */
export type Appraisal = {
  readonly judged: readonly Judged[];
  readonly found: readonly { readonly found: Found; readonly judged: Judged }[];
  /** Zero, and no pass's doing. */
  readonly gone: readonly ItemKey[];
};

/** Says of each of these items what it is, and brings the list of discrepancies to it. */
export async function judge(tx: Tx, residue: readonly Residue[], now: number, parts: JudgeParts): Promise<void> {
  if (residue.length === 0) return;
  const at = new Date(now);
  const { judged: quiet, found, gone } = await appraise(tx, residue, now, parts);
  const ids = await keepFound(
    tx,
    found.map((one) => one.found),
    at,
  );
  const judged = [
    ...quiet,
    ...found.map((one) => ({ ...one.judged, discrepancyId: ids.get(one.found.fingerprint) ?? null })),
  ];
  await keepCleared(tx, clearedOf(residue, judged), at);
  await removeItems(tx, gone);
  await writeJudged(tx, judged);
  await stirUnsettled(tx, filesChanged(residue, judged), at);
}

/** What each of these items is, from the postings and what lies around; nothing is written. */
export async function appraise(
  sql: Sql,
  keys: readonly ItemKey[],
  now: number,
  { accounts, rulesOf }: JudgeParts,
): Promise<Appraisal> {
  const open: Item[] = [];
  const gone: ItemKey[] = [];
  const judged: Judged[] = [];
  for (const facts of await factsOf(sql, keys)) {
    const account = accounts.get(facts.accountId);
    if (account === undefined || (facts.amount === 0n && sumOf(facts, 'passed') === 0n)) gone.push(facts);
    else if (facts.amount === 0n) judged.push(judgedOf(facts, { bucket: 'matched' }));
    else open.push({ facts, account });
  }
  const items = await withAge(sql, open);
  const near = await lookAround(sql, items, { accounts, deep: false });
  const verdicts = items.map((item) => verdictOf(item, near(item), rulesOf, now));
  const late = items.filter((_, n) => isUnsettled(verdicts[n]));
  const around = await lookAround(sql, late, { accounts, deep: true });
  const cover = await coverOf(sql, late, rulesOf);
  const named: { readonly item: Item; readonly verdict: Extract<Verdict, { bucket: 'discrepancy' }> }[] = [];
  for (const [n, item] of items.entries()) {
    const first = verdicts[n];
    if (first === undefined) continue;
    const verdict = isUnsettled(first) ? verdictOf(item, around(item), rulesOf, now) : first;
    const { bucket, dueAt } = verdict;
    const covering = isUnsettled(verdict) ? cover(item) : null;
    if (covering !== null) judged.push(judgedOf(item.facts, { bucket, dueAt, discrepancyId: covering }));
    else if (bucket === 'discrepancy') named.push({ item, verdict });
    else judged.push(judgedOf(item.facts, { bucket, dueAt, lookAt: bucket === 'in_transit' ? dueAt : null }));
  }
  const advised = await withAdvice(
    sql,
    named.map(({ item, verdict }) => ({ item, found: foundItem(item, verdict, now) })),
    { rulesOf },
  );
  const found = advised.flatMap((one, n) => {
    const { item, verdict } = named[n] ?? {};
    if (item === undefined || verdict === undefined) return [];
    const { bucket, dueAt } = verdict;
    return [{ found: one, judged: judgedOf(item.facts, { bucket, dueAt, class: verdict.class }) }];
  });
  return { judged, found, gone };
}

/** What is promised or withheld comes and goes under one reference: it is as old as what is left of it. */
async function withAge(sql: Sql, items: readonly Item[]): Promise<readonly Item[]> {
  const waiting = items.filter(({ account }) => waitsForProcessor(account));
  const since = await leftSince(
    sql,
    waiting.map(({ facts }) => facts),
  );
  const ages = new Map(waiting.map((item, n) => [item, since[n]]));
  return items.map((item) => {
    const at = ages.get(item);
    return at === undefined ? item : { ...item, facts: { ...item.facts, leftSince: at } };
  });
}

const isUnsettled = (verdict: Verdict | undefined): boolean =>
  verdict?.bucket === 'discrepancy' &&
  // A fee that waited for its window has no line either.
  (verdict.class === 'missing_in_settlement' || (verdict.class === 'fee_mismatch' && verdict.dueAt !== null));

function verdictOf(item: Item, around: Around, rulesOf: JudgeParts['rulesOf'], now: number): Verdict {
  return classify(item.facts, item.account, around, rulesOf(item.account), now);
}

function judgedOf(
  facts: Item['facts'],
  as: {
    readonly bucket: string;
    readonly class?: string;
    readonly dueAt?: number | null;
    readonly lookAt?: number | null;
    readonly discrepancyId?: string | null;
  },
): Judged {
  const { accountId, reference, component, currency } = facts;
  return {
    accountId,
    reference,
    component,
    currency,
    matched: sumOf(facts, 'passed'),
    openedAt: openedAt(facts) ?? null,
    movedAt: movedAt(facts) ?? null,
    dueAt: as.dueAt ?? null,
    lookAt: as.lookAt ?? null,
    bucket: as.bucket,
    class: as.class ?? null,
    discrepancyId: as.discrepancyId ?? null,
  };
}

/** Discrepancies of their own that these items were, and are no more. */
function clearedOf(before: readonly Residue[], after: readonly Judged[]): string[] {
  const now = new Map(after.map((one) => [itemId(one), one]));
  return before.flatMap((one) => {
    if (one.class === null || one.discrepancyId === null) return [];
    return (now.get(itemId(one))?.class ?? null) === null ? [one.discrepancyId] : [];
  });
}

/** Accounts of `processor_balance` on which a missing file was found now, or is none any more. */
function filesChanged(before: readonly Residue[], after: readonly Judged[]): number[] {
  const was = new Set(before.filter((one) => one.class === 'missing_file').map(itemId));
  const is = new Set(after.filter((one) => one.class === 'missing_file').map(itemId));
  const changed = [...before, ...after].filter((one) => was.has(itemId(one)) !== is.has(itemId(one)));
  return [...new Set(changed.map(({ accountId }) => accountId))];
}
