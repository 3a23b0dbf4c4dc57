import type { Tx } from '../../postgres/sql.ts';
import type { AccountRules } from './account-rules.ts';
import { type Around, classify } from './classify.ts';
import { factsOf } from './facts-store.ts';
import { foundItem, movedAt, openedAt } from './found-item.ts';
import type { ItemAccounts } from './item-accounts.ts';
import { type ItemAccount, type ItemKey, itemId, sumOf } from './items.ts';
import { keepCleared, keepFound } from './keep-discrepancies.ts';
import { type Item, lookAround } from './look-around.ts';
import { coverOf } from './missing-files.ts';
import { type Judged, type Residue, removeItems, stirUnsettled, writeJudged } from './residue-store.ts';
import { withAdvice } from './suggest.ts';
import type { Verdict } from './verdict.ts';

export type JudgeParts = {
  readonly accounts: ItemAccounts;
  readonly rulesOf: (account: ItemAccount) => AccountRules;
};

/** Says of each of these items what it is, and brings the list of discrepancies to it. */
export async function judge(
  tx: Tx,
  residue: readonly Residue[],
  now: number,
  { accounts, rulesOf }: JudgeParts,
): Promise<void> {
  if (residue.length === 0) return;
  const at = new Date(now);
  const facts = await factsOf(tx, residue);
  const items: Item[] = [];
  const gone: ItemKey[] = [];
  const judged: Judged[] = [];
  for (const one of facts) {
    const account = accounts.get(one.accountId);
    const passed = sumOf(one, 'passed');
    if (account === undefined || (one.amount === 0n && passed === 0n)) gone.push(one);
    else if (one.amount === 0n) judged.push(judgedOf(one, passed, { bucket: 'matched' }));
    else items.push({ facts: one, account });
  }
  const first = await lookAround(tx, items, { accounts, deep: false });
  const verdicts = items.map((item) => verdictOf(item, first(item), rulesOf, now));
  const late = items.filter((_, n) => isUnsettled(verdicts[n]));
  const around = await lookAround(tx, late, { accounts, deep: true });
  const found: { readonly item: Item; readonly verdict: Extract<Verdict, { bucket: 'discrepancy' }> }[] = [];
  const cover = await coverOf(tx, late, rulesOf);
  for (const [n, item] of items.entries()) {
    const { facts: one } = item;
    let verdict = verdicts[n];
    if (verdict === undefined) continue;
    if (isUnsettled(verdict)) {
      verdict = verdictOf(item, around(item), rulesOf, now);
      const covering = isUnsettled(verdict) ? cover(item) : null;
      if (covering !== null) {
        judged.push(judgedOf(one, sumOf(one, 'passed'), { bucket: 'discrepancy', dueAt: verdict.dueAt, discrepancyId: covering }));
        continue;
      }
    }
    if (verdict.bucket === 'discrepancy') found.push({ item, verdict });
    else
      judged.push(
        judgedOf(one, sumOf(one, 'passed'), {
          bucket: verdict.bucket,
          dueAt: verdict.dueAt,
          lookAt: verdict.bucket === 'in_transit' ? verdict.dueAt : null,
        }),
      );
  }
  const named = await withAdvice(
    tx,
    found.map(({ item, verdict }) => ({ item, found: foundItem(item, verdict, now) })),
    { rulesOf },
  );
  const ids = await keepFound(tx, named, at);
  for (const [n, { item, verdict }] of found.entries()) {
    const id = ids.get(named[n]?.fingerprint ?? '') ?? null;
    judged.push(
      judgedOf(item.facts, sumOf(item.facts, 'passed'), {
        bucket: 'discrepancy',
        class: verdict.class,
        dueAt: verdict.dueAt,
        discrepancyId: id,
      }),
    );
  }
  await keepCleared(tx, clearedOf(residue, judged), at);
  await removeItems(tx, gone);
  await writeJudged(tx, judged);
  await stirUnsettled(tx, filesChanged(residue, judged, accounts), at);
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
  matched: bigint,
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
    matched,
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
function filesChanged(before: readonly Residue[], after: readonly Judged[], accounts: ItemAccounts): number[] {
  const was = new Set(before.filter((one) => one.class === 'missing_file').map(itemId));
  const is = new Set(after.filter((one) => one.class === 'missing_file').map(itemId));
  const changed = [...before, ...after].filter((one) => was.has(itemId(one)) !== is.has(itemId(one)));
  return changed.flatMap(({ accountId }) => accounts.get(accountId)?.id ?? []);
}
