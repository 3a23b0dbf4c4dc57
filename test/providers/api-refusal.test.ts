import { expect, it } from 'vitest';
import { refusalOf } from '../../src/providers/api-refusal.ts';

const NOW = 1_767_225_600_000;
const of = (status: number, retryAfter?: string) =>
  refusalOf(
    { status, headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter }, body: Buffer.from('sk_live_x') },
    NOW,
    'read access to Events',
  );

it('is for a person where the key or the question is wrong, and says which permission is missing', () => {
  expect(of(401)).toEqual({ kind: 'refused', detail: 'answered 401: the key is not known, or expired' });
  expect(of(403)).toEqual({ kind: 'refused', detail: 'answered 403: the key lacks read access to Events' });
  for (const status of [301, 302, 400, 404, 418]) expect(of(status).kind).toBe('refused');
  expect(JSON.stringify([400, 401, 403, 500].map((status) => of(status)))).not.toContain('sk_live');
});

it('passes by itself where the processor is busy or away, within the hour', () => {
  for (const status of [408, 409, 425, 429, 500, 503])
    expect(of(status)).toMatchObject({ kind: 'later', at: NOW + 60_000 });
  expect(of(429, '7')).toMatchObject({ at: NOW + 7_000 });
  expect(of(429, new Date(NOW + 90_000).toUTCString())).toMatchObject({ at: NOW + 90_000 });
  expect(of(429, '999999')).toMatchObject({ at: NOW + 3_600_000 });
  for (const soon of ['0', new Date(NOW - 90_000).toUTCString()])
    expect(of(429, soon)).toMatchObject({ at: NOW + 1_000 });
  for (const junk of ['', 'soon', '-5', '1e9', '9'.repeat(400)]) {
    const answer = of(429, junk);
    if (answer.kind !== 'later') throw new Error(answer.kind);
    expect(answer.at).toBeGreaterThan(NOW);
    expect(answer.at).toBeLessThanOrEqual(NOW + 3_600_000);
  }
});
