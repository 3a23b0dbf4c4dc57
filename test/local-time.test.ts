import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createZonedClock, wallClock } from '../src/local-time.ts';
import { reportZone } from '../src/zone-abbreviation.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);

test.each([
  ['2026-02-01 09:00:00', '2026-02-01T09:00:00Z'],
  ['2026-02-01T09:00:00', '2026-02-01T09:00:00Z'],
  ['2024-02-29 23:59:59', '2024-02-29T23:59:59Z'],
  ['2026/02/01 09:00:00', '2026-02-01T09:00:00Z'],
  ['2026-02-01 09:00', '2026-02-01T09:00:00Z'],
  ['2026-02-01', '2026-02-01T00:00:00Z'],
  ['2026-02-01T09:00:00.123', '2026-02-01T09:00:00.123Z'],
  ['2026-02-01 09:00:00.123456', '2026-02-01T09:00:00.123Z'],
])('reads %s', (text, expected) => expect(wallClock(text)).toBe(at(expected)));

test.each([
  '',
  '2026-02-30 09:00:00',
  '2025-02-29 09:00:00',
  '2026-13-01 09:00:00',
  '2026-00-01 09:00:00',
  '2026-02-01 24:00:00',
  '2026-02-01 09:60:00',
  '2026-02-01 09:00:60',
  '2026-2-1 09:00:00',
  '2026-02/01 09:00:00',
  '01/02/2026 09:00:00',
  '2026-02-01 09:00:00Z',
  '2026-02-01 0x:00:00',
  '1.2302025304E+022',
])('refuses %s', (text) => expect(wallClock(text)).toBeNull());

test.each([
  ['Europe/Berlin', '2026-01-15 12:00:00', '2026-01-15T11:00:00Z'],
  ['Europe/Berlin', '2026-07-15 12:00:00', '2026-07-15T10:00:00Z'],
  // Shown twice: the first of them. Left out: on with the offset before.
  ['Europe/Berlin', '2026-10-25 02:30:00', '2026-10-25T00:30:00Z'],
  ['Europe/Berlin', '2026-10-25 03:00:00', '2026-10-25T02:00:00Z'],
  ['Europe/Berlin', '2026-03-29 02:30:00', '2026-03-29T01:30:00Z'],
  ['Europe/Berlin', '2026-03-29 01:59:59', '2026-03-29T00:59:59Z'],
  ['Europe/Berlin', '2026-03-29 03:00:00', '2026-03-29T01:00:00Z'],
  ['America/Los_Angeles', '2026-11-01 01:30:00', '2026-11-01T08:30:00Z'],
  ['Asia/Kolkata', '2026-07-15 00:10:00', '2026-07-14T18:40:00Z'],
  ['Australia/Lord_Howe', '2026-10-04 02:30:00', '2026-10-03T15:30:00Z'],
  ['Asia/Kathmandu', '2026-07-15 00:00:00', '2026-07-14T18:15:00Z'],
  ['UTC', '2026-07-15 00:00:00', '2026-07-15T00:00:00Z'],
])('in %s, %s is %s', (zone, local, expected) =>
  expect(new Date(createZonedClock(zone).toUnix(wallClock(local) ?? 0)).toISOString()).toBe(
    new Date(expected).toISOString(),
  ),
);

test('what a zone shows at any time leads back to it, but for the hour that is shown twice', () => {
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Sao_Paulo'];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones.map((zone) => createZonedClock(zone))),
      fc.integer({ min: at('2015-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z') }),
      (clock, unix) => {
        const back = clock.toUnix(unix + clock.offsetAt(unix));
        expect(
          back === unix || (unix - back <= HOUR && unix > back && clock.offsetAt(back) > clock.offsetAt(unix)),
        ).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});

test.each([
  ['CET', 'Europe/Berlin', 1, 'Europe/Berlin'],
  ['CEST', 'Europe/Madrid', 2, 'Europe/Madrid'],
  ['CET', 'UTC', 1, 'Europe/Amsterdam'],
  ['PST', 'America/Vancouver', -8, 'America/Vancouver'],
  ['PDT', 'UTC', -7, 'America/Los_Angeles'],
  ['BST', 'Europe/London', 1, 'Europe/London'],
  ['BST', 'Asia/Dhaka', 6, 'Asia/Dhaka'],
  ['IST', 'Asia/Kolkata', 5.5, 'Asia/Kolkata'],
  ['IST', 'Asia/Jerusalem', 2, 'Asia/Jerusalem'],
  ['IST', 'Europe/Dublin', 1, 'Europe/Dublin'],
  ['cst', 'Asia/Shanghai', 8, 'Asia/Shanghai'],
  ['-0800', 'America/Los_Angeles', -8, 'America/Los_Angeles'],
  ['+05:30', 'UTC', 5.5, 'UTC'],
  ['UTC', 'Europe/Berlin', 0, 'UTC'],
])('%s of an account in %s', (written, account, hours, zone) =>
  expect(reportZone(written, account)).toEqual({ kind: 'offset', offsetMs: hours * HOUR, zone }),
);

test.each([
  ['AMS', 'Europe/Amsterdam'],
  ['Europe/Paris', 'Europe/Paris'],
])('%s is a zone with summer and winter', (written, zone) =>
  expect(reportZone(written, 'UTC')).toEqual({ kind: 'zone', zone }),
);

test('an abbreviation that several zones have is refused where the account is in none of them', () => {
  expect(reportZone('IST', 'UTC')).toEqual({
    kind: 'ambiguous',
    zones: ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'],
  });
  expect(reportZone('CST', 'Europe/Berlin')).toMatchObject({ kind: 'ambiguous' });
});

test.each(['', 'XYZ', 'constructor', '+1', 'Mars/Base'])('no zone: %s', (written) =>
  expect(reportZone(written, 'UTC')).toEqual({ kind: 'unknown' }),
);
