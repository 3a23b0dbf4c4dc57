import type { ApiAnswer, Fetched } from './provider.ts';

const WAIT_S = 30;
/** A processor that asks for more is asked again after this long all the same. */
const WAIT_S_MAX = 3_600;

/** What an answer about one object means: there, not there, not for this key, or to be asked again later. */
export function fetchedFrom(answer: ApiAnswer, now: number, what: string): Fetched {
  const { status, body } = answer;
  if (status === 200) return { kind: 'found', body };
  if (status === 404 || status === 410) return { kind: 'missing', detail: `${what}: answered ${status}` };
  if (status === 401 || status === 403) {
    return { kind: 'refused', detail: `${what}: answered ${status}; the key is wrong, or may not read this` };
  }
  if (status === 408 || status === 429 || status >= 500) {
    const wait = retryAfterS(answer.headers['retry-after'], now) ?? WAIT_S;
    return { kind: 'later', at: now + wait * 1_000, detail: `${what}: answered ${status}` };
  }
  // A redirect is not followed, and what is left says that the question was wrong: for a person.
  return { kind: 'refused', detail: `${what}: answered ${status}, which was not expected` };
}

/** RFC 9110: seconds, or a date; from 1 s to an hour. */
function retryAfterS(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - now) / 1_000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), WAIT_S_MAX) : undefined;
}
