import { expect, it } from 'vitest';
import { createFailedVerifications } from '../../src/ingest/failed-verifications.ts';

it('refuses nobody for one failure because the clock was set back', () => {
  let now = 1_800_000_000_000;
  const failures = createFailedVerifications({ now: () => now });
  failures.note('192.0.2.7');
  now -= 60_000;
  expect(failures.isFlooding('192.0.2.7')).toBe(false);
  for (let n = 0; n < 200; n += 1) failures.note('192.0.2.7');
  expect(failures.isFlooding('192.0.2.7')).toBe(true);
  now += 5_000;
  expect(failures.isFlooding('192.0.2.7')).toBe(false);
});
