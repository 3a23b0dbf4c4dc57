import type { RulesOf } from './account-rules.ts';
import { dayOf } from './days.ts';
import type { Books } from './observe-files.ts';

export type FileWatch = {
  /** Accounts whose files were not looked at today, in the account's days; a bounded number, so that no turn is long. */
  due(now: number): readonly Books[];
  looked(books: readonly Books[], now: number): void;
};

const ACCOUNTS_A_TURN = 200;
const ASKED_EVERY_MS = 3_600_000;

/**
 * Where no file comes any more nothing happens that would have anybody look: what is missing by the account's calendar, or of a
 * report in several files, is asked for by time, once a day an account.
 */
export function createFileWatch({
  accounts,
  rulesOf,
}: {
  readonly accounts: () => readonly Books[];
  readonly rulesOf: RulesOf;
}): FileWatch {
  let askedAt = Number.NEGATIVE_INFINITY;
  let lookedOn = new Map<string, string>();
  const keyOf = ({ provider, account }: Books): string => JSON.stringify([provider, account]);
  const dayFor = (books: Books, now: number): string => dayOf(now, rulesOf(books).zone);
  return {
    due(now) {
      // A clock that was set back must not put it off.
      if (Math.abs(now - askedAt) < ASKED_EVERY_MS) return [];
      const all = new Map(accounts().map((one) => [keyOf(one), one]));
      lookedOn = new Map([...lookedOn].filter(([key]) => all.has(key)));
      const due = [...all].filter(([key, one]) => lookedOn.get(key) !== dayFor(one, now)).slice(0, ACCOUNTS_A_TURN);
      if (due.length === 0) askedAt = now;
      return due.map(([, one]) => one);
    },
    looked(books, now) {
      for (const one of books) lookedOn.set(keyOf(one), dayFor(one, now));
    },
  };
}
