import type { ApiAnswer, Fetched } from './provider.ts';

const LATER_MS = 60_000;
const LATER_MS_MAX = 3_600_000;
const DETAIL_CHARS_MAX = 200;

/**
 * What a processor's answer to "tell me this object" means. A missing object may only be late, a refused key is for a
 * person, and what the processor asks us to wait is kept within an hour: a wrong header must not park an event for ever.
 */
export function fetchedOf(answer: ApiAnswer, now: number): Fetched {
  const { status, body } = answer;
  const detail = `answered ${status}: ${body.subarray(0, DETAIL_CHARS_MAX).toString('utf8').toWellFormed()}`;
  if (status === 200) return { kind: 'found', body };
  if (status === 404 || status === 410) return { kind: 'missing', detail };
  if (status === 429 || status >= 500) return { kind: 'later', at: now + waitMs(answer), detail };
  // 401 and 403 say so; any other 4xx is a request of ours that the same bytes will not mend.
  return { kind: 'refused', detail };
}

/** Retry-After in seconds; as a date it is rare, and the default will do. */
function waitMs({ headers }: ApiAnswer): number {
  const text = headers['retry-after'] ?? '';
  return /^\d{1,6}$/.test(text) ? Math.min(Math.max(Number(text) * 1000, 1000), LATER_MS_MAX) : LATER_MS;
}
