import type { EventStatus } from './event-filter.ts';

/**
 * What stands in an event's way: `content` (the processor's bytes), `contradiction` (two of its tellings), `defect` (ours),
 * `missing` (something that should be there), `settings` (somebody must set something), `wait` (it goes on by itself).
 */
export const OBSTACLES = ['content', 'contradiction', 'defect', 'missing', 'settings', 'wait'] as const;

export type Advice = { readonly kind: (typeof OBSTACLES)[number]; readonly what_to_do: string };

export type Stuck = {
  readonly status: EventStatus | string;
  readonly error_code: string | null;
  readonly waiting_for: string | null;
};

const AFTER_DEFECT =
  'our code could not work it: install a release that can, then replay; nothing of it is posted until then';

/** By what it died of; a code that is not here is a defect of ours. */
const DEAD: Readonly<Record<string, Advice>> = {
  unreadable_event: {
    kind: 'content',
    what_to_do:
      'authentic, but no event can be read from it: look at the bytes of its delivery; dismiss it if it tells of no money, else replay it with a release that reads it',
  },
  amount_invalid: {
    kind: 'content',
    what_to_do:
      'an amount in it is no amount of its currency: ask the processor what it means; replay it with a release that reads it, or dismiss it and post by hand',
  },
  currency_unknown: {
    kind: 'defect',
    what_to_do: 'a currency that this release does not know: install one that does, then replay',
  },
  conflict: {
    kind: 'contradiction',
    what_to_do:
      'other content under an id that was known: compare the deliveries of both events; replay this one if it is genuine (what is posted already stays), else dismiss it and roll the secret',
  },
  conflicting_announcement: {
    kind: 'contradiction',
    what_to_do:
      'the effect it tells is posted with other content: compare both; where this one is right, reverse the posted transaction and replay, else dismiss it',
  },
  object_missing: {
    kind: 'missing',
    what_to_do:
      'the processor knows no such object: check that the API key is of the same account and mode; then replay, or dismiss it',
  },
  waited_too_long: {
    kind: 'missing',
    what_to_do:
      'what it needs did not come: run a backfill of its endpoint for that time, then replay; dismiss it if the processor knows nothing of it',
  },
  body_missing: {
    kind: 'missing',
    what_to_do: 'its bytes are gone: restore its delivery from a backup, then replay',
  },
  worker_killed: {
    kind: 'defect',
    what_to_do: 'it ended three workers: keep it as it is, report it, and replay it with a release that mends that',
  },
  egress_refused: {
    kind: 'settings',
    what_to_do: 'the processor’s address may not be reached from here: mend the network or HTTPS_PROXY, then replay',
  },
  overloaded: { kind: 'wait', what_to_do: 'its endpoint was not loaded for ten attempts: replay it' },
};

const WAITING: Readonly<Record<string, Advice>> = {
  adapter: {
    kind: 'defect',
    what_to_do: 'this release does not know its type or version: it goes on by itself when one that does is installed',
  },
  currency: {
    kind: 'defect',
    what_to_do: 'this release does not know its currency: it goes on by itself when one that does is installed',
  },
  api_key: {
    kind: 'settings',
    what_to_do:
      'set the API key on its endpoint, or another that may read the object: it goes on by itself within 15 s',
  },
  object: {
    kind: 'wait',
    what_to_do:
      'it goes on by itself when what it waits for comes or is fetched; if that takes long, run a backfill of its endpoint',
  },
  retry_at: { kind: 'wait', what_to_do: 'it is tried once more at the time it waits for, and dies if that fails' },
};

/** What a person can do about an event that is not through; null where there is nothing to do. */
export function adviceOf({ status, error_code: code, waiting_for: waitingFor }: Stuck): Advice | null {
  if (status === 'dead') return DEAD[code ?? ''] ?? { kind: 'defect', what_to_do: AFTER_DEFECT };
  if (status === 'deferred') return WAITING[waitingFor ?? ''] ?? null;
  if (status === 'queued' && code !== null)
    return { kind: 'wait', what_to_do: 'an attempt failed; it is tried again by itself, ten times in all' };
  return null;
}
