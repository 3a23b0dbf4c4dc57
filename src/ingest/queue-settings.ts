import { ATTEMPTS_MAX, BACKOFF_FIRST_MS, BACKOFF_MAX_MS } from './batch.ts';
import { LEASE_S } from './fetch-store.ts';
import { AT_ONCE, AT_ONCE_AN_ENDPOINT } from './fetcher.ts';
import type { QueueName } from './queues.ts';
import { KILLS_MAX } from './worker.ts';

/** What is the same in every process of this release; what a process was started with stands beside its worker. */
export const QUEUE_SETTINGS: Readonly<Record<QueueName, Readonly<Record<string, number>>>> = {
  events: {
    attempts_max: ATTEMPTS_MAX,
    backoff_first_s: BACKOFF_FIRST_MS / 1_000,
    backoff_max_s: BACKOFF_MAX_MS / 1_000,
    kills_max: KILLS_MAX,
  },
  replay: {},
  fetch: { at_once: AT_ONCE, at_once_an_endpoint: AT_ONCE_AN_ENDPOINT, lease_s: LEASE_S },
  settlements: {},
};
