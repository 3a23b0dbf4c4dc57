import { afterAll, expect, it } from 'vitest';
import { readMigrations } from '../../src/postgres/migration-files.ts';
import { unpackRelease } from '../support/releases.ts';

/*
 * A shipped migration is never edited: databases remember its checksum and would refuse the next release at start. The
 * archive of the release says what was shipped, and cannot be brought in line by a hurried hand as a list of sums can.
 */
const release = unpackRelease('0.1.0');
afterAll(() => release.remove());

const shipped = readMigrations(release.migrations);
const present = readMigrations();

it('keeps every migration of 0.1.0 byte for byte, and adds only after them', () => {
  expect(shipped.map(({ name }) => name)).toEqual(['0001-foundation.sql', '0002-ingest.sql', '0003-ledger.sql']);
  expect(present.slice(0, shipped.length)).toEqual(shipped);
});

it('says of every later migration which release brings it, in rising order', () => {
  // Unsaid it counts as the first release's, and two releases' worth of numbers locks the previous release out.
  const releases = present.slice(shipped.length).map(({ release: number }) => number);
  for (const number of releases) expect(number).toBeGreaterThanOrEqual(2);
  expect(releases).toEqual(releases.toSorted((a, b) => a - b));
});
