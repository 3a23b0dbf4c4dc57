import { proportion } from '../money.ts';
import { chart } from './chart.ts';
import { type Leg, leg, withoutZeros } from './entry.ts';

/**
 * The sellers' part of what was given back of a payment: s = r × S/G, with S and G over all captures and r over all live
 * refunds of the payment. It is a function of the end state alone. So each event (a refund, one that fails, a further
 * capture, one taken back) posts the difference it makes: no remainder is lost, the refund that completes the payment takes
 * the rest, and any order ends the same.
 */
export type SellersParts = ReadonlyMap<string, bigint>;

const SELLER = 'liability:seller_payable:';

/** Marks a refund as counted under its payment. What it gives back stands in the key: markers have no lines. */
export function refundMarker(refund: string, amount: bigint, live: boolean): string {
  return `${live ? 'refunded' : 'unrefunded'}:${refund}:${amount}`;
}

/** What the payment's live refunds give back, from the effects that stand under it. */
export function liveRefunds(effects: Iterable<string>): bigint {
  let sum = 0n;
  for (const key of effects) {
    const match = /^(un)?refunded:.*:(\d+)$/s.exec(key);
    if (match !== null) sum += match[1] === undefined ? BigInt(match[2] ?? 0) : -BigInt(match[2] ?? 0);
  }
  return sum;
}

/** By the sellers' accounts. A refund may be told before the captures it gives back: more than all is not split. */
export function sellersParts(captures: Iterable<readonly Leg[]>, refunded: bigint): SellersParts {
  const sellers = new Map<string, bigint>();
  let gross = 0n;
  for (const { account, component, amount } of [...captures].flat()) {
    if (component === 'gross') gross += amount;
    if (account.path.startsWith(SELLER)) sellers.set(account.path, (sellers.get(account.path) ?? 0n) - amount);
  }
  const given = refunded > gross ? gross : refunded;
  return new Map([...sellers].map(([path, passedOn]) => [path, proportion(given, passedOn, gross)]));
}

/** Moves what changed from our own part of the refunds to the sellers', as legs that balance each other. */
export function movedParts(before: SellersParts, after: SellersParts, currency: string): Leg[] {
  const legs = [...new Set([...before.keys(), ...after.keys()])].map((path) => {
    const amount = (after.get(path) ?? 0n) - (before.get(path) ?? 0n);
    return leg({ path, type: 'liability', openItem: false }, currency, amount);
  });
  const all = legs.reduce((sum, l) => sum + l.amount, 0n);
  return withoutZeros([leg(chart.refunds, currency, -all), ...legs]);
}

/** A refund's legs with the sellers' part moved out of our own, line by line instead of back and forth. */
export function withParts(legs: readonly Leg[], moved: readonly Leg[]): Leg[] {
  const [own, sellers] = [moved.filter((l) => l.account.path === chart.refunds.path), moved.filter(isSellers)];
  const change = own.reduce((sum, l) => sum + l.amount, 0n);
  return withoutZeros([
    ...legs.map((l) => (l.account.path === chart.refunds.path ? { ...l, amount: l.amount + change } : l)),
    ...sellers,
  ]);
}

const isSellers = (line: Leg): boolean => line.account.path.startsWith(SELLER);
