import { wallClock } from '../../local-time.ts';
import { isoTime } from '../iso-time.ts';

/** Unix ms: Klarna writes ISO 8601 in UTC, or the day alone. */
export function fileTime(text: string): number | null {
  return isoTime(text.trim()) ?? wallClock(text.trim());
}
