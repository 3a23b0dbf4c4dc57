import type { Fact } from './random-world.ts';

/**
 * What a world comes to, reckoned slowly and without the engine, from reconciliation.md: every item that its own movements
 * leave open, as `account role reference component currency` → `class or bucket, amount`. Windows: 7, 7 and 5 days, in UTC; the
 * third hop is judged.
 */
export type Reckoned = Record<string, string>;

const DAY = 86_400_000;

type Role = 'pending' | 'balance' | 'transit' | 'receivable' | 'suspense';
type Move = { readonly by: 'announced' | 'line' | 'bank' | 'recognised'; readonly amount: bigint; readonly at: number };
type Item = {
  readonly account: number;
  readonly role: Role;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
  readonly moves: Move[];
  /** By what else it is named. */
  readonly sales: Set<string>;
  readonly orders: Set<string>;
  /** Of these, those that an announcement named. */
  readonly toldOrders: Set<string>;
  readonly texts: string[];
  given: bigint;
};

export function reckon(facts: readonly Fact[], now: number): Reckoned {
  const items = itemsOf(facts);
  matchPending(items.filter((item) => item.role === 'pending'));
  matchTransit(items.filter((item) => item.role === 'transit'));
  const state: Reckoned = {};
  for (const item of items) {
    if (open(item) === 0n) continue;
    const { account, role, reference, component, currency } = item;
    const name = nameOf(item, items, now);
    state[`${account} ${role} ${reference} ${component} ${currency}`] =
      `${isCovered(item, name, items, now) ? 'discrepancy' : name} ${open(item)}`;
  }
  return state;
}

/** What has no line and was announced on the day of a payout without a file, or the day before, is shown under that file. */
function isCovered(item: Item, name: string, items: readonly Item[], now: number): boolean {
  const waits = item.moves.every((move) => move.by === 'announced') && item.given === 0n;
  if (name !== 'missing_in_settlement' && !(name === 'fee_mismatch' && waits && !hasLines(item, items))) return false;
  const day = Math.floor(Math.min(...item.moves.map((move) => move.at)) / DAY);
  return items.some((file) => {
    if (file.role !== 'balance' || file.account !== item.account || open(file) === 0n) return false;
    if (nameOf(file, items, now) !== 'missing_file') return false;
    const paid = Math.floor(first(file, 'announced') / DAY);
    return paid === day || paid === day + 1;
  });
}

/* What is posted */

function itemsOf(facts: readonly Fact[]): Item[] {
  const items: Item[] = [];
  function at(account: number, role: Role, reference: string, component: string, currency: string): Item {
    const found = items.find(
      (one) =>
        one.account === account &&
        one.role === role &&
        one.reference === reference &&
        one.component === component &&
        one.currency === currency,
    );
    if (found !== undefined) return found;
    const made: Item = {
      ...{ account, role, reference, component, currency, moves: [], given: 0n, texts: [] },
      sales: new Set([reference]),
      orders: new Set(),
      toldOrders: new Set(),
    };
    items.push(made);
    return made;
  }
  const feeTold = (account: number, reference: string): boolean =>
    facts.some((one) => one.fact === 'fee' && one.account === account && one.reference === reference);

  for (const fact of facts) {
    const { account } = fact;
    switch (fact.fact) {
      case 'announced': {
        const sign = fact.what === 'captured' || fact.what === 'reinstated' ? 1n : -1n;
        if (fact.what === 'withdrawn' || fact.what === 'reinstated')
          at(account, 'receivable', fact.reference, '', fact.currency).moves.push({
            by: 'announced',
            amount: -sign * fact.amount,
            at: fact.at,
          });
        at(account, 'pending', fact.reference, 'gross', fact.currency).moves.push({
          by: 'announced',
          amount: sign * fact.amount,
          at: fact.at,
        });
        break;
      }
      case 'fee':
        at(account, 'pending', fact.reference, 'fee', fact.currency).moves.push({
          by: 'announced',
          amount: -fact.amount,
          at: fact.at,
        });
        break;
      case 'line': {
        at(account, 'balance', fact.batch, '', fact.currency).moves.push({
          by: 'line',
          amount: fact.gross - fact.fee,
          at: fact.at,
        });
        if (fact.kind === 'adjustment') {
          at(account, 'suspense', fact.reference, '', fact.currency).moves.push({
            by: 'line',
            amount: -fact.gross,
            at: fact.at,
          });
          break;
        }
        at(account, 'pending', fact.reference, 'gross', fact.currency).moves.push({
          by: 'line',
          amount: -fact.gross,
          at: fact.at,
        });
        if (fact.fee === 0n) break;
        const fee = at(account, 'pending', fact.reference, 'fee', fact.currency);
        fee.moves.push({ by: 'line', amount: fact.fee, at: fact.at });
        if (!feeTold(account, fact.reference)) fee.moves.push({ by: 'recognised', amount: -fact.fee, at: fact.at });
        break;
      }
      case 'payout': {
        const balance = at(account, 'balance', fact.payout, '', fact.currency);
        const transit = at(account, 'transit', fact.payout, '', fact.currency);
        balance.moves.push({ by: 'announced', amount: -fact.amount, at: fact.at });
        transit.moves.push({ by: 'announced', amount: fact.amount, at: fact.at });
        if (fact.failed) {
          balance.moves.push({ by: 'announced', amount: fact.amount, at: fact.at });
          transit.moves.push({ by: 'announced', amount: -fact.amount, at: fact.at });
        }
        break;
      }
      case 'bank': {
        const item = at(account, 'transit', fact.identity, '', fact.currency);
        item.moves.push({ by: 'bank', amount: -fact.amount, at: fact.at });
        item.texts.push(plain(fact.text));
        break;
      }
    }
  }
  // What a line about a reference names, names all that reports have of it in that account; what an event names, all that is announced.
  for (const fact of facts) {
    if (fact.fact !== 'announced' && fact.fact !== 'line') continue;
    for (const item of items) {
      if (item.role !== 'pending' || item.account !== fact.account || item.reference !== fact.reference) continue;
      if (!item.moves.some((move) => move.by === fact.fact)) continue;
      if (fact.payment !== null) item.sales.add(fact.payment);
      if (fact.merchant === null) continue;
      item.orders.add(fact.merchant);
      if (fact.fact === 'announced') item.toldOrders.add(fact.merchant);
    }
  }
  return items;
}

const plain = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, '');

const sum = (item: Item, by?: Move['by']): bigint =>
  item.moves.reduce((total, move) => (by === undefined || move.by === by ? total + move.amount : total), 0n);
const own = (item: Item): bigint => sum(item);
const open = (item: Item): bigint => own(item) + item.given;
const has = (item: Item, by: Move['by']): boolean => item.moves.some((move) => move.by === by);
/** One of them, or so many of the last of them, come to it. */
function holdsWhole(moves: readonly Move[], amount: bigint): boolean {
  const newest = moves.toSorted((a, b) => b.at - a.at || (a.amount < b.amount ? -1 : 1));
  let sum = 0n;
  return newest.some((move) => {
    sum += move.amount;
    return sum === amount || move.amount === amount;
  });
}

const size = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
const comesIn = (item: Item): boolean =>
  (sum(item, 'announced') === 0n ? -sum(item, 'line') : sum(item, 'announced')) >= 0n;

/* Matching: groups, then what one key ties */

function matchPending(all: readonly Item[]): void {
  const left = new Set(all.filter((item) => own(item) !== 0n));
  const alike = (one: Item, other: Item): boolean =>
    one.account === other.account &&
    one.component === other.component &&
    one.currency === other.currency &&
    comesIn(one) === comesIn(other);
  const sales = [...new Set([...left].flatMap((item) => [...item.sales]))].sort();
  const seen: Item[][] = [];
  for (const sale of sales)
    for (const first of left) {
      if (!first.sales.has(sale)) continue;
      const members = all.filter((item) => own(item) !== 0n && item.sales.has(sale) && alike(item, first));
      if (seen.some((group) => group.length === members.length && group.every((one) => members.includes(one))))
        continue;
      seen.push(members);
      if (members.length < 2 || members.some((one) => !left.has(one))) continue;
      if (!members.some((one) => has(one, 'line')) || !members.some((one) => has(one, 'announced'))) continue;
      if (members.reduce((total, one) => total + own(one), 0n) !== 0n) continue;
      for (const one of members) {
        one.given = -own(one);
        left.delete(one);
      }
    }
  for (const names of ['sales', 'orders'] as const) {
    const ties: [line: Item, announced: Item][] = [];
    for (const line of left)
      for (const told of left) {
        if (!has(line, 'line') || has(line, 'announced') || !has(told, 'announced') || has(told, 'line')) continue;
        if (!alike(line, told) || own(line) > 0n === own(told) > 0n) continue;
        if ([...line[names]].some((name) => told[names].has(name))) ties.push([line, told]);
      }
    for (const [line, told] of ties) {
      if (ties.filter(([one, other]) => one === line || other === told).length > 1) continue;
      told.given += own(line);
      line.given -= own(line);
      left.delete(line);
      left.delete(told);
    }
  }
}

function matchTransit(all: readonly Item[]): void {
  // A payout that failed comes to nothing; what the bank says it received of it is found by its name all the same.
  const failed = (item: Item): boolean =>
    own(item) === 0n && !has(item, 'bank') && item.moves.filter(({ by }) => by === 'announced').length > 1;
  const left = new Set(all.filter((item) => own(item) !== 0n || failed(item)));
  const names = (line: Item, payout: Item): boolean =>
    has(line, 'bank') &&
    has(payout, 'announced') &&
    line.account === payout.account &&
    line.currency === payout.currency &&
    line.texts.some((text) => text.includes(plain(payout.reference)));
  for (const payout of [...left]) {
    if (!has(payout, 'announced')) continue;
    // In these worlds a text names one payout at most.
    const lines = [...left].filter((line) => line !== payout && names(line, payout));
    if (lines.length === 0) continue;
    for (const line of lines) {
      left.delete(line);
      if (!failed(payout) && own(line) > 0n === own(payout) > 0n) continue;
      payout.given += own(line);
      line.given -= own(line);
    }
    left.delete(payout);
  }
  const pairs: [line: Item, payout: Item][] = [];
  for (const line of left)
    for (const payout of left) {
      if (!has(line, 'bank') || !has(payout, 'announced') || line.account !== payout.account) continue;
      if (line.currency !== payout.currency || own(line) !== -own(payout)) continue;
      const [booked, paid] = [first(line, 'bank'), first(payout, 'announced')];
      if (booked >= paid - 2 * DAY && booked < due(paid, 5)) pairs.push([line, payout]);
    }
  for (const [line, payout] of pairs) {
    if (pairs.filter(([one, other]) => one === line || other === payout).length > 1) continue;
    payout.given += own(line);
    line.given -= own(line);
  }
}

const first = (item: Item, by: Move['by']): number =>
  Math.min(...item.moves.filter((move) => move.by === by).map((move) => move.at));
const last = (item: Item, ...by: Move['by'][]): number =>
  Math.max(...item.moves.filter((move) => by.includes(move.by)).map((move) => move.at));
const due = (at: number, days: number): number => (Math.floor(at / DAY) + days + 1) * DAY;

/* The table, row by row */

function nameOf(item: Item, items: readonly Item[], now: number): string {
  const wait = (at: number, days: number, late: string): string => (now < due(at, days) ? 'in_transit' : late);
  switch (item.role) {
    case 'suspense':
      return 'unknown_kind';
    case 'receivable':
      return wait(first(item, 'announced'), 120, 'dispute_stale');
    case 'transit':
      return nameOfTransit(item, wait);
    case 'balance': {
      const paid = sum(item, 'announced');
      if (!has(item, 'line')) return wait(first(item, 'announced'), 7, 'missing_file');
      if (paid === 0n) return wait(last(item, 'line', 'announced'), 7, 'missing_payout');
      return 'payout_total_mismatch';
    }
    case 'pending':
      return item.component === 'fee' ? nameOfFee(item, items, wait) : nameOfGross(item, items, now, wait);
  }
}

type Wait = (at: number, days: number, late: string) => string;

function nameOfTransit(item: Item, wait: Wait): string {
  const isPayout = has(item, 'announced');
  const paid = isPayout ? sum(item, 'announced') : item.given;
  const banked = isPayout ? sum(item, 'bank') + item.given : sum(item, 'bank');
  if (paid !== 0n && banked !== 0n) return 'bank_amount_mismatch';
  if (isPayout && paid === 0n) return 'payout_reversed';
  return isPayout ? wait(first(item, 'announced'), 5, 'payout_not_in_bank') : 'unidentified_bank_credit';
}

function nameOfFee(item: Item, items: readonly Item[], wait: Wait): string {
  return hasLines(item, items) || !has(item, 'announced')
    ? 'fee_mismatch'
    : wait(first(item, 'announced'), 7, 'fee_mismatch');
}

const hasLines = (item: Item, items: readonly Item[]): boolean =>
  items.some(
    (one) =>
      one.role === 'pending' && one.account === item.account && one.reference === item.reference && has(one, 'line'),
  );

function nameOfGross(item: Item, items: readonly Item[], now: number, wait: Wait): string {
  const rest = open(item);
  const near = items.filter(
    (one) => one.role === 'pending' && one.reference === item.reference && one !== item && open(one) !== 0n,
  );
  const opposite = (one: Item): boolean => open(one) > 0n !== rest > 0n;
  if (
    near.some(
      (one) =>
        one.account !== item.account &&
        one.component === item.component &&
        one.currency === item.currency &&
        opposite(one),
    )
  )
    return 'wrong_account';
  if (
    near.some(
      (one) =>
        one.account === item.account &&
        one.component === item.component &&
        one.currency !== item.currency &&
        opposite(one),
    )
  )
    return 'currency_mismatch';
  const told = item.moves.filter((move) => move.by === 'announced');
  const lines = item.moves.filter((move) => move.by === 'line');
  const announced = told.length === 0 ? item.given : sum(item, 'announced');
  const settled = told.length === 0 ? sum(item, 'line') : sum(item, 'line') + item.given;
  if (told.length > 1 && announced === 0n && settled !== 0n)
    return wait(Math.max(...told.map(({ at }) => at)), 7, 'status_mismatch');
  if (announced !== 0n && settled !== 0n && announced > 0n === settled > 0n) return 'direction_mismatch';
  const equal = lines.length > 1 && lines.every((line) => line.amount === lines[0]?.amount);
  if (equal && announced !== 0n) {
    const times = size(sum(item, 'line')) / size(announced);
    if (times >= 2n && times * size(announced) === size(sum(item, 'line'))) return 'duplicate_in_settlement';
  }
  if (told.length === 0 && item.given === 0n) return 'missing_in_ledger';
  if (lines.length === 0 && item.given === 0n) {
    const late = items.some(
      (one) =>
        one !== item &&
        one.role === 'pending' &&
        one.account === item.account &&
        one.component === item.component &&
        one.currency === item.currency &&
        one.reference !== item.reference &&
        [...one.toldOrders].some((order) => item.toldOrders.has(order)) &&
        one.moves.some((move) => move.by === 'announced' && move.amount === sum(item, 'announced')) &&
        one.moves.some((move) => move.by === 'line' && move.amount === -sum(item, 'announced')),
    );
    return wait(first(item, 'announced'), 7, late ? 'duplicate_in_ledger' : 'missing_in_settlement');
  }
  if (told.length > 1 || lines.length > 1) {
    if (holdsWhole(told, rest)) return now < due(last(item, 'announced'), 7) ? 'in_transit' : 'split_incomplete';
    if (holdsWhole(lines, rest)) return 'split_incomplete';
  }
  return 'amount_mismatch';
}
