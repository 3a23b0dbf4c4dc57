import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../src/exact-json.ts';
import { createRandom } from './support/random.ts';

const SOURCES = [
  '0',
  '-0',
  '0.0',
  '-0.0',
  '1',
  '-1',
  '10',
  '1.0',
  '1.10',
  '1e3',
  '1E+3',
  '-1.5e-7',
  '999999999999999',
  '9007199254740993',
  '-9007199254740993',
  '100000000000000000000000000000',
  '1e400',
  '123456789012345',
  '1234567890123456',
];
const BETWEEN = ['', ' ', '\n', '\t', '\r\n  '];

/** What every number must become: its own text, wherever it stands. */
function withTexts(value: unknown, texts: readonly string[]): unknown {
  if (typeof value === 'string' && value.startsWith('#')) return texts[Number(value.slice(1))];
  if (Array.isArray(value)) return value.map((one) => withTexts(one, texts));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withTexts(one, texts)]));
}

describe('numbers in exact JSON', () => {
  it('keep their source text, wherever they stand and whatever stands beside them', () => {
    const random = createRandom(20_261_121);
    for (let n = 0; n < 2_000; n += 1) {
      const texts = [0, 1, 2].map(() => random.pick(SOURCES));
      const gap = (): string => random.pick(BETWEEN);
      const layout = { a: '#0', list: [['#1'], true, 'x: 1.5, 9007199254740993'], deep: { '"q"': '#2', none: null } };
      const text = JSON.stringify(layout).replace(/"#(\d)"/g, (_, i: string) => gap() + texts[Number(i)] + gap());
      expect(parseExactJson(text), text).toEqual(withTexts(layout, texts));
    }
  });

  it('keep their source text as the whole body', () => {
    for (const source of SOURCES) for (const gap of BETWEEN) expect(parseExactJson(gap + source + gap)).toBe(source);
  });

  it('named __proto__ stay members and reach no prototype', () => {
    for (const text of ['{"__proto__":5,"a":{"__proto__":{"b":6}}}', '{"__proto__":5.0,"a":{"__proto__":{"b":6}}}']) {
      const parsed = parseExactJson(text) as Record<string, unknown>;
      expect(Object.keys(parsed)).toEqual(['__proto__', 'a']);
      expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
      expect(({} as { b?: unknown }).b).toBeUndefined();
    }
  });

  it('of duplicate names the last one counts, in both ways of reading', () => {
    expect(parseExactJson('{"a":1,"a":2}')).toEqual({ a: '2' });
    expect(parseExactJson('{"a":1.0,"a":2}')).toEqual({ a: '2' });
  });
});
