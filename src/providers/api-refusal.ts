import type { ApiAnswer, Fetched } from './provider.ts';

const WAIT_S = 60;
const WAIT_S_MAX = 3_600;

/**
 * What an answer other than 200 means. `permission` is what the key must be allowed, for the person who reads of it; the body
 * is not told: some processors write a part of the key into it.
 */
export function refusalOf(
  { status, headers }: ApiAnswer,
  now: number,
  permission: string,
): Extract<Fetched, { kind: 'refused' | 'later' }> {
  if (status === 401) return { kind: 'refused', detail: 'answered 401: the key is not known, or expired' };
  if (status === 403) return { kind: 'refused', detail: `answered 403: the key lacks ${permission}` };
  // 409 and 425 pass by themselves (a lock, an object in the making); the rest of 4xx is a question of ours that is wrong.
  if (status === 408 || status === 409 || status === 425 || status === 429 || status >= 500) {
    const waitMs = waitS(headers['retry-after'], now) * 1_000;
    return { kind: 'later', at: now + waitMs, detail: `answered ${status}` };
  }
  return { kind: 'refused', detail: `answered ${status}, which was not expected` };
}

/** RFC 9110: seconds, or a date; from one second to an hour, because a wrong header must not stop us for ever. */
function waitS(retryAfter: string | undefined, now: number): number {
  if (retryAfter === undefined) return WAIT_S;
  const seconds = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : Math.ceil((Date.parse(retryAfter) - now) / 1_000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), WAIT_S_MAX) : WAIT_S;
}
