import type nock from 'nock';
import type { AuthenticityLevel, EndpointSettings, Provider } from '../../../src/providers/provider.ts';

/** Two movements of a processor that lists objects and no events: of the first the webhook came, of the second it did not. */
export type SearchCase = {
  readonly provider: Provider;
  readonly settings: EndpointSettings;
  readonly level?: AuthenticityLevel;
  /** Whose books they are, where the bodies say so. */
  readonly account?: string;
  readonly came: string;
  /** The second one's webhook, which comes after all when the backfill is done. */
  readonly late: string;
  readonly host: string;
  /** Answers every call of a backfill, and what is fetched for what it found. */
  readonly answers: (api: nock.Scope) => void;
  /** The backfill's first call. */
  readonly first: (api: nock.Scope) => nock.Interceptor;
  /** Which permission a refusal names. */
  readonly permission: string;
  /** What the backfill finds, with outcomes; all are posted or have no effect. */
  readonly found: readonly string[];
  /** All that is in the ledger afterwards: keys without provider and account, and what they take from or put on the processor's account. */
  readonly posted: Readonly<Record<string, string>>;
};

const HOUR_MS = 3_600_000;
/** Both happened two hours ago: long enough for a gap, within every range. */
export const THEN = Math.floor(Date.now() / 1_000) * 1_000 - 2 * HOUR_MS;
export const THEN_TEXT = new Date(THEN).toISOString();
