import { createZonedClock } from '../local-time.ts';

const STEP_MS = 15 * 60_000;
const STEPS_MAX = 100_000;

/** Unix ms as the day in a zone, `2026-02-01`. Days begin at a quarter of an hour everywhere: few are ever worked out. */
export function createDays(zone: string): (at: number) => string {
  const { offsetAt } = createZonedClock(zone);
  const known = new Map<number, string>();
  return (at) => {
    const step = Math.floor(at / STEP_MS);
    let day = known.get(step);
    if (day === undefined) {
      if (known.size >= STEPS_MAX) known.clear();
      day = new Date(at + offsetAt(at)).toISOString().slice(0, 10);
      known.set(step, day);
    }
    return day;
  };
}
