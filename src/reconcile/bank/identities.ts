import { createHash } from 'node:crypto';

/** Of one file: names bookings so that a file with the same bookings gives the same names, whenever and however often it comes. */
export type Identities = {
  /**
   * By the bank's own reference. Banks use one for a payment and its charge, and again years later, so day and amount are
   * part of it; and two bookings of one statement that are the same even so are the first and the second.
   */
  byReference(
    statement: number,
    account: string,
    reference: string,
    day: string,
    amount: bigint,
    currency: string,
  ): string | null;
  /** By what it says, where no reference names it: the nth such of a run of statements. */
  byContent(run: number, account: string, day: string, parts: readonly (string | null)[]): string | null;
  /** By statement and position. The key holds more than the id: Rabobank begins its ids anew every year. */
  byPosition(statementKey: string, position: number): string;
};

/** What one file may name by reference or content; it must remember each to tell the second from the first. */
export const NAMED_MAX = 1_000_000;

/** Longer ones no bank has, and no index could hold. */
const REFERENCE_MAX = 140;

const hashed = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

/** Null is answered past `max`: the file must be split. */
export function createIdentities(max = NAMED_MAX): Identities {
  const seen = new Map<string, number>();

  function nth(key: string): number | null {
    const count = (seen.get(key) ?? 0) + 1;
    if (count === 1 && seen.size >= max) return null;
    seen.set(key, count);
    return count;
  }

  function named(scope: number, account: string, key: string): string | null {
    const count = nth(`${scope} ${account} ${key}`);
    if (count === null) return null;
    return count === 1 ? key : `${key}/${count}`;
  }

  return {
    byReference(statement, account, reference, day, amount, currency) {
      const short = reference.length > REFERENCE_MAX ? hashed(reference) : reference;
      return named(statement, account, `${day}/${short}/${amount}${currency}`);
    },
    byContent(run, account, day, parts) {
      return named(run, account, `${day}/${hashed(JSON.stringify(parts))}`);
    },
    byPosition: (statementKey, position) => `${statementKey}/${position}`,
  };
}
