import type { BookAccount, KnownAccount, Selection } from '../proof/books-store.ts';
import type { BookColumns, Days } from '../proof/stated-store.ts';

/** What a list of discrepancies is narrowed to; null: not. */
export type DiscrepancyFilter = {
  readonly class: string | null;
  readonly status: string | null;
  readonly currency: string | null;
  readonly minAgeDays: number | null;
};

export const NO_FILTER: DiscrepancyFilter = { class: null, status: null, currency: null, minAgeDays: null };

/** What a report is about: whose books, which days, and as of when. */
export type Scope = {
  readonly selection: Selection;
  readonly days: Days;
  readonly filter: DiscrepancyFilter;
  /** Ages are counted to it. */
  readonly asOf: Date;
  /** The server's time of the books it tells of; null: as they are. */
  readonly knownAt: Date | null;
  readonly books: readonly BookAccount[];
  readonly known: readonly KnownAccount[];
};

export function bookColumns(books: readonly BookAccount[]): BookColumns {
  return {
    ids: books.map(({ id }) => id),
    providers: books.map(({ provider }) => provider),
    accounts: books.map(({ account }) => account),
  };
}
