import { createZonedClock, wallClock } from '../local-time.ts';
import { reportZone } from '../zone-abbreviation.ts';

/** Reads a report's local times; `written` is what stands beside them (`CET`), else they are in the account's own zone. */
export type ReportClock = {
  read(text: string, written?: string): ReportTime;
};

export type ReportTime =
  | {
      readonly kind: 'time';
      /** Unix ms. */
      readonly at: number;
      /** In whose days it was written. */
      readonly zone: string;
    }
  | { readonly kind: 'fault'; readonly reason: string };

type Reader = { readonly zone: string; toUnix(wall: number): number };

const WRITTEN_MAX = 1_000;

/** `accountZone` is an IANA name: it decides what `BST` or `IST` means. */
export function createReportClock(accountZone: string): ReportClock {
  const own: Reader = { zone: accountZone, toUnix: createZonedClock(accountZone).toUnix };
  const readers = new Map<string, Reader | string>();

  let lastWritten: string | undefined;
  let last: Reader | string = own;

  function readerOf(written: string): Reader | string {
    if (written === lastWritten) return last;
    last = readers.get(written) ?? added(written);
    lastWritten = written;
    return last;
  }

  function added(written: string): Reader | string {
    const found = makeReader(written);
    // Anything may stand in a hostile file's column.
    if (readers.size < WRITTEN_MAX) readers.set(written, found);
    return found;
  }

  function makeReader(written: string): Reader | string {
    if (written.trim() === '') return own;
    const meant = reportZone(written, accountZone);
    switch (meant.kind) {
      case 'offset':
        return { zone: meant.zone, toUnix: (wall) => wall - meant.offsetMs };
      case 'zone':
        return { zone: meant.zone, toUnix: createZonedClock(meant.zone).toUnix };
      case 'ambiguous':
        return `the time zone ${written} may be ${meant.zones.join(', ')}: set time_zone at the endpoint`;
      case 'unknown':
        return `the time zone ${written.slice(0, 20)} is not known`;
    }
  }

  let lastText: string | undefined;
  let lastReader: Reader | string | undefined;
  let lastTime: ReportTime = { kind: 'time', at: 0, zone: accountZone };

  return {
    read(text, written) {
      const reader = written === undefined ? own : readerOf(written);
      if (typeof reader === 'string') return { kind: 'fault', reason: reader };
      // A batch is booked at one time.
      if (text === lastText && reader === lastReader) return lastTime;
      const wall = wallClock(text);
      lastTime =
        wall === null
          ? { kind: 'fault', reason: 'must be a time, such as 2026-02-01 09:00:00' }
          : { kind: 'time', at: reader.toUnix(wall), zone: reader.zone };
      lastText = text;
      lastReader = reader;
      return lastTime;
    },
  };
}
