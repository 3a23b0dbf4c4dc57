import { describe, expect, it } from 'vitest';
import { parseDictionary, serialiseInnerList } from '../../../src/providers/rfc9421/structured-fields.ts';

describe('parseDictionary', () => {
  it('reads items, inner lists and their parameters', () => {
    const read = parseDictionary('a=("x" "@y";z);created=-12;keyid="k\\"1";flag, b=:AQI=:,c, d=?0;p=tok/en');
    expect([...(read?.keys() ?? [])]).toEqual(['a', 'b', 'c', 'd']);
    const list = read?.get('a');
    if (list === undefined || !('list' in list)) throw new Error('a is no list');
    expect(serialiseInnerList(list)).toBe('("x" "@y";z);created=-12;keyid="k\\"1";flag');
    expect(read?.get('b')).toMatchObject({ item: { kind: 'bytes', value: Buffer.from([1, 2]) } });
    expect(read?.get('c')).toMatchObject({ item: { kind: 'boolean', value: true } });
    expect(read?.get('d')).toMatchObject({ item: { kind: 'boolean', value: false } });
  });

  it('writes down what was read in the one way there is', () => {
    const list = parseDictionary('sig=(  "a"   "b"  );  created=5 ')?.get('sig');
    expect(list !== undefined && 'list' in list ? serialiseInnerList(list) : '').toBe('("a" "b");created=5');
  });

  it('refuses everything else', () => {
    for (const text of [
      'a=1, a=2',
      'a=1,',
      ',a=1',
      'a=1 b=2',
      'A=1',
      'a=',
      'a=("x"',
      'a=("x""y")',
      'a=("x",)',
      'a=();x=1;x=2',
      'a="x',
      'a="\\x"',
      'a="\u0007"',
      'a="é"',
      'a=:AQ:',
      'a=:AQI',
      'a=:A Q=:',
      'a=:_-I=:',
      'a=?2',
      'a=1.5',
      'a=1234567890123456',
      'a=-',
      'a=@x',
      'a;',
      'a=(a b',
      '\u0000',
      Array.from({ length: 65 }, (_, n) => `a${n}=1`).join(','),
    ])
      expect(parseDictionary(text), text.slice(0, 60)).toBeNull();
    expect(parseDictionary('')).toEqual(new Map());
  });

  it('takes no longer for a text that is made to be slow', () => {
    const started = performance.now();
    for (const piece of ['(', '"', ':', 'a=(', '\\"', ';a', ' ', 'a=:', '("a" ', '-'])
      expect(parseDictionary(`a=${piece.repeat(8_192)}!`)).toBeNull();
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
