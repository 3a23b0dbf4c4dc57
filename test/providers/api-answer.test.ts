import { expect, it } from 'vitest';
import { fetchedFrom } from '../../src/providers/api-answer.ts';

const NOW = 1_767_225_600_000;
const answer = (status: number, headers: Record<string, string> = {}, body = 'made') =>
  fetchedFrom({ status, headers, body: Buffer.from(body) }, NOW, 'payment p1');

it('tells found, missing, refused and later apart', () => {
  expect(answer(200)).toEqual({ kind: 'found', body: Buffer.from('made') });
  for (const status of [404, 410]) expect(answer(status).kind).toBe('missing');
  for (const status of [301, 302, 400, 401, 403, 422]) expect(answer(status).kind).toBe('refused');
  for (const status of [408, 429, 500, 502, 503])
    expect(answer(status)).toMatchObject({ kind: 'later', at: NOW + 30_000 });
});

it('waits as long as it is asked to, within an hour', () => {
  const at = (text: string) => answer(429, { 'retry-after': text });
  expect(at('7')).toMatchObject({ at: NOW + 7_000 });
  expect(at('0')).toMatchObject({ at: NOW + 1_000 });
  expect(at('999999')).toMatchObject({ at: NOW + 3_600_000 });
  expect(at(new Date(NOW + 90_000).toUTCString())).toMatchObject({ at: NOW + 90_000 });
  for (const text of ['', 'soon', '9'.repeat(400)]) expect(at(text)).toMatchObject({ at: NOW + 30_000 });
});

it('says which object, and never what the answer held', () => {
  const refused = answer(400, {}, 'secret');
  expect(refused.kind === 'refused' && refused.detail).toContain('payment p1');
  expect(JSON.stringify(refused)).not.toContain('secret');
});
