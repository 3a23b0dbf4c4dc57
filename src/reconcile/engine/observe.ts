import type { Leg } from '../../ledger/entry.ts';
import { linesOf } from '../../ledger/ledger-store.ts';
import { draftsOf } from '../../ledger/rules.ts';
import type { Tx } from '../../postgres/sql.ts';
import type { RulesOf } from './account-rules.ts';
import type { Found } from './discrepancy-store.ts';
import type { ItemAccounts } from './item-accounts.ts';
import { itemAccountOf } from './items.ts';
import { keepCleared, keepFound } from './keep-discrepancies.ts';
import { settledLate, touchedAccounts } from './late-store.ts';
import {
  accountsMissingFiles,
  type ConflictRow,
  type EndedImport,
  endedImports,
  LINES_AGAIN,
  newConflicts,
  noteConflictsSeen,
  noteObserved,
  standingObservations,
  stirPayouts,
} from './observations-store.ts';
import { booksPaidInto, observeBank } from './observe-bank.ts';
import { type Books, observation, observeFiles } from './observe-files.ts';
import { observeLine } from './observe-lines.ts';
import {
  type ObservedLine,
  observationsOfRemovedLines,
  observeChargesAgain,
  observedLines,
  standingOfLines,
} from './observed-lines-store.ts';
import { stirBesideGap } from './residue-store.ts';
import { toldEvents } from './told-events.ts';

type Parts = { readonly rulesOf: RulesOf; readonly accounts: ItemAccounts };

const LINES_A_PAGE = 5_000;
const LINES_A_TURN = 500_000n;
const PAGES_MAX = 10_000;
const OF_FILES = ['duplicate_file', 'amended_file', 'file_total_mismatch', 'unparsed_line', 'missing_file'];

/**
 * Controls that failed without leaving an item open, of what ended since the last look, and of the files of `books`, whatever came.
 * Returns how much there was.
 */
export async function observe(tx: Tx, now: number, parts: Parts, books: readonly Books[]): Promise<number> {
  const at = new Date(now);
  const ended = withLinesUpTo(LINES_A_TURN, await endedImports(tx));
  const banks = ended.filter(({ provider }) => provider === null);
  if (banks.length > 0) await stirPayouts(tx, at);
  const known = Map.groupBy(
    await standingOfLines(
      tx,
      ended.filter(({ seen }) => seen === LINES_AGAIN),
    ),
    ({ settlement }) => settlement,
  );
  for (const one of ended) {
    const found = await observeReport(tx, one, at, parts);
    const obsolete = (known.get(one.id) ?? []).filter(({ fingerprint }) => !found.has(fingerprint));
    await keepCleared(
      tx,
      obsolete.map(({ id }) => id),
      at,
    );
  }
  for (const { provider, account } of ended.flatMap(booksOf))
    await keepCleared(tx, await observationsOfRemovedLines(tx, provider, account), at);
  const missing = ended.length > 0 ? await accountsMissingFiles(tx) : [];
  const paid = await booksPaidInto(
    tx,
    banks.map(({ id }) => id),
  );
  await refreshFiles(tx, [...ended.flatMap(booksOf), ...paid, ...missing, ...books], now, parts);
  if (ended.length > 0) await noteObserved(tx, ended);
  const conflicts = await newConflicts(tx);
  if (conflicts.length > 0) {
    const found: Found[] = [];
    for (const conflict of conflicts) found.push(...(await conflictFound(tx, conflict)));
    await keepFound(tx, distinct(found), at);
    await noteConflictsSeen(tx, conflicts.at(-1)?.recorded_at ?? at);
  }
  return ended.length + books.length;
}

/** What the files of these accounts say now: new ones are kept, what was mended is cleared. */
export async function refreshFiles(tx: Tx, books: readonly Books[], now: number, { rulesOf }: Parts): Promise<void> {
  const at = new Date(now);
  for (const one of new Map(books.map((mine) => [JSON.stringify([mine.provider, mine.account]), mine])).values()) {
    const found = distinct([...(await observeFiles(tx, one, rulesOf(one), now)), ...(await observeBank(tx, one))]);
    const known = await standingObservations(tx, one.provider, one.account, OF_FILES);
    const still = new Set(found.map(({ fingerprint }) => fingerprint));
    const ended = known.filter(({ fingerprint }) => !still.has(fingerprint));
    await keepCleared(
      tx,
      ended.map(({ id }) => id),
      at,
    );
    await keepFound(tx, found, at);
    // What waits for a line is shown under the file that would have it: items were judged before the gap was seen.
    const before = new Set(known.map(({ fingerprint }) => fingerprint));
    const isNew = found.some((one) => one.class === 'missing_file' && !before.has(one.fingerprint));
    if (isNew || ended.length > 0) await stirBesideGap(tx, one, at);
  }
}

const booksOf = ({ provider, account }: EndedImport): Books[] =>
  provider === null || account === null ? [] : [{ provider, account }];

/** At least one of them, so that it goes on. */
function withLinesUpTo(most: bigint, imports: readonly EndedImport[]): EndedImport[] {
  let lines = 0n;
  return imports.filter((one, n) => {
    if (isToBeRead(one)) lines += one.lines;
    return n === 0 || lines <= most;
  });
}

/** Once, whatever came of the file meanwhile: of one that was amended, the lines that stand are still its own. */
const isToBeRead = ({ status, seen }: EndedImport): boolean =>
  status !== 'failed' && (seen === null || seen === LINES_AGAIN);

/** Keeps what its lines say by themselves; returns the fingerprints of all of it. */
async function observeReport(tx: Tx, ended: EndedImport, at: Date, { rulesOf }: Parts): Promise<ReadonlySet<string>> {
  const fingerprints = new Set<string>();
  const [books] = booksOf(ended);
  if (books === undefined || !isToBeRead(ended)) return fingerprints;
  const rules = rulesOf(books);
  const withFees = rules.feeContract.length > 0;
  let after: ObservedLine | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const lines: ObservedLine[] = await observedLines(tx, {
      settlement: ended.id,
      after,
      withFees,
      limit: LINES_A_PAGE,
    });
    const found = distinct(lines.flatMap((line) => observeLine(books, line, rules, ended.id)));
    for (const { fingerprint } of found) fingerprints.add(fingerprint);
    await keepFound(tx, found, at);
    if (lines.length < LINES_A_PAGE) break;
    after = lines.at(-1) ?? after;
  }
  if (withFees && ended.seen === null) await observeChargesAgain(tx, ended.id);
  return fingerprints;
}

/** Of what was touched in this turn and nets: what its report had later than agreed. */
export async function observeLate(tx: Tx, now: number, { accounts, rulesOf }: Parts): Promise<void> {
  const ids = await touchedAccounts(tx);
  await accounts.load(tx, ids);
  const pending = ids.flatMap((id) => {
    const account = accounts.get(id);
    return account?.role === 'processor_pending' ? [{ id, account, rules: rulesOf(account) }] : [];
  });
  const late = await settledLate(
    tx,
    pending.map(({ id, rules }) => ({ id, days: rules.settlementDays, zone: rules.zone })),
    new Date(now),
  );
  const found = late.flatMap((row): Found[] => {
    const account = accounts.get(row.account_id);
    if (account === undefined) return [];
    const { reference, component, currency } = row;
    return [
      observation('late_settlement', account, [reference, component, currency], {
        reference,
        component,
        currency,
        occurredAt: row.settled_at.getTime(),
        differences: [
          { field: 'settled_at', ledger: row.due_at.toISOString(), settlement: row.settled_at.toISOString() },
        ],
        evidence: { announced_at: row.announced_at.toISOString(), settled_at: row.settled_at.toISOString() },
      }),
    ];
  });
  await keepFound(tx, distinct(found), new Date(now));
}

/** What an event told otherwise than what is posted: told − posted, on the open item that it is about. */
async function conflictFound(tx: Tx, conflict: ConflictRow): Promise<Found[]> {
  const [provider, account] = conflict.effect_key.split(':', 2);
  if (provider === undefined || account === undefined) return [];
  const books = { provider, account };
  const key = conflict.effect_key.slice(provider.length + account.length + 2);
  const told = toldEvents(conflict.told)
    .flatMap((event) => draftsOf(event, { ...books, marketplace: null }))
    .find((draft) => draft.key === key);
  const posted =
    conflict.transaction_id === null ? [] : (await linesOf(tx, [conflict.transaction_id])).map(({ line }) => line);
  const leg = [...(told?.legs ?? []), ...posted].find(isOpenItem);
  if (leg === undefined) return [];
  const on = (legs: readonly Leg[]): bigint =>
    legs
      .filter((one) => one.account.path === leg.account.path && one.currency === leg.currency)
      .reduce((sum, one) => sum + one.amount, 0n);
  const [says, stands] = [on(told?.legs ?? []), on(posted)];
  return [
    observation('conflicting_announcement', books, [conflict.effect_key, conflict.event_id], {
      reference: leg.reference ?? key,
      component: leg.component ?? '',
      currency: leg.currency,
      occurredAt: conflict.recorded_at.getTime(),
      delta: says - stands,
      differences: [{ field: 'amount', ledger: String(stands), settlement: String(says) }],
      evidence: { event: conflict.event_id, effect_key: conflict.effect_key, transaction: conflict.transaction_id },
    }),
  ];
}

const isOpenItem = (leg: Leg): boolean => itemAccountOf({ id: 0, path: leg.account.path }) !== null;

const distinct = (found: readonly Found[]): Found[] => [
  ...new Map(found.map((one) => [one.fingerprint, one])).values(),
];
