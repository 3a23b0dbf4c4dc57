import { type Check, ok } from './doctor-check.ts';
import type { RetentionFacts } from './doctor-store.ts';

/** A turn an hour and ten days a turn: a day may be late by this before something is in the way. */
const LATE_DAYS = 2;
const DAY_MS = 86_400_000;

/** How long bodies are kept, and whether what is older went. */
export function retentionCheck(facts: RetentionFacts, retentionDays: number | null, now: number = Date.now()): Check {
  const { days, oldest, half_done: halfDone, kept, removed } = facts;
  const rule = retentionDays === null ? 'bodies are kept without end' : `bodies are kept for ${retentionDays} days`;
  const found = [
    rule,
    oldest === null ? 'none is there' : `the oldest day is ${oldest}, ${days} in all`,
    `${removed} days removed, ${kept} deliveries of them kept`,
  ].join('; ');
  const name = 'retention';
  if (halfDone.length > 0) {
    const half = `${found}; half removed: ${halfDone.join(', ')}`;
    // Between two turns that is as it should be.
    if (retentionDays !== null) return ok(name, half);
    return {
      name,
      status: 'warning',
      found: half,
      mend: 'RETENTION_DAYS was unset in between: set it again, or alter table postern.deliveries attach partition the tables of these days',
    };
  }
  if (retentionDays !== null && oldest !== null && ageDays(oldest, now) > retentionDays + LATE_DAYS) {
    return {
      name,
      status: 'warning',
      found: `${found}; older than they should be`,
      mend: 'is a worker running with RETENTION_DAYS set? The check "housekeeping" says what is in its way',
    };
  }
  return ok(name, found);
}

function ageDays(day: string, now: number): number {
  return (now - Date.parse(`${day}T00:00:00Z`)) / DAY_MS;
}
