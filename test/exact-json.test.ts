import { describe, expect, it } from 'vitest';
import { PosternError } from '../src/errors.ts';
import { at, isObject, type Json, listAt, parseExactJson, textAt, withoutBom } from '../src/exact-json.ts';

function refusal(text: Buffer | string): string {
  try {
    parseExactJson(text);
  } catch (error) {
    if (error instanceof PosternError && error.code === 'unreadable_event') return error.message;
    throw error;
  }
  throw new Error('it was read');
}

describe('parseExactJson', () => {
  it.each<[text: string, value: Json]>([
    ['null', null],
    ['true', true],
    ['""', ''],
    ['7', '7'],
    ['[]', []],
    ['{}', {}],
    ['{"a":[1,null,false,"x",{"b":2}]}', { a: ['1', null, false, 'x', { b: '2' }] }],
    // The exact way, with everything else in it too.
    ['{"a":[1.50,null,false,"x",{"b":2}]}', { a: ['1.50', null, false, 'x', { b: '2' }] }],
    ['{"a":12.50}', { a: '12.50' }],
    ['{"a": -120e1}', { a: '-120e1' }],
    ['{"amount":1,"amount":2}', { amount: '2' }],
    ['{"text":"an amount: 1.50"}', { text: 'an amount: 1.50' }],
    ['{"text":"\\"{[","n":1}', { text: '"{[', n: '1' }],
  ])('reads %s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value);
    expect(parseExactJson(Buffer.from(text))).toEqual(value);
  });

  it('drops one byte-order mark in front, of text and of bytes', () => {
    expect(parseExactJson('\ufeff{"a":1}')).toEqual({ a: '1' });
    expect(parseExactJson(Buffer.from('\ufeff{"a":1}'))).toEqual({ a: '1' });
    expect(refusal('\ufeff\ufeff1')).toMatch(/^the body is not JSON: /);
    expect(withoutBom('a\ufeff')).toBe('a\ufeff');
    expect(withoutBom('')).toBe('');
  });

  it.each(['', ' ', '{', '[1,]', '{"a":}', '01', '1.', 'nul', "{'a':1}", '1 2', '[1.5', '"\\ud800', '["\ud800"'])(
    'refuses %j as no JSON, with the cause',
    (text) => {
      expect(refusal(text)).toMatch(/^the body is not JSON: .+/);
      try {
        parseExactJson(text);
      } catch (error) {
        expect((error as Error).cause).toBeInstanceOf(SyntaxError);
      }
    },
  );

  it('reads 64 levels and refuses the 65th, of lists and of objects', () => {
    const lists = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    const objects = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    for (const nested of [lists, objects]) {
      expect(() => parseExactJson(nested(64))).not.toThrow();
      expect(refusal(nested(65))).toBe('the body nests deeper than 64 levels');
    }
    // Hostile nesting that is no JSON never reaches the parser.
    expect(refusal('['.repeat(100_000))).toBe('the body nests deeper than 64 levels');
  });

  it('counts neither levels that were closed nor brackets inside texts', () => {
    const text = JSON.stringify(['[{'.repeat(100), `\\"${'['.repeat(100)}`, `${'{'.repeat(100)}\\`, 'end']);
    expect(parseExactJson(text)).toEqual(JSON.parse(text));
    expect(parseExactJson(`[${'[{}],'.repeat(200)}1]`)).toHaveLength(201);
    // After a text that ends in an escaped backslash the next bracket counts again.
    expect(refusal(`["\\\\",${'['.repeat(64)}`)).toBe('the body nests deeper than 64 levels');
    expect(refusal(`["${'['.repeat(100)}`)).toMatch(/^the body is not JSON: /);
  });

  it.each([
    '{"a":"\\ud800"}',
    '{"a":"\\uD800"}',
    '{"a":"\\udc00"}',
    '{"a":"\\uDFFF x"}',
    '{"\\udBff":1}',
    '{"a":"\\ude00\\ud83d"}',
    '{"a":[{"b":["\\ud83d"]}]}',
    '{"a":"\ud800"}',
    '{"\udc00":1}',
    // Of duplicate names the last wins; what it hides was signed all the same.
    '{"a":"\\ud800","b":"\ud800"}',
  ])('refuses the lone surrogate in %j', (text) =>
    expect(refusal(text)).toBe('the body holds a lone surrogate, which no database can store unchanged'),
  );

  it('reads a pair of surrogates, and an escape that only looks like one', () => {
    expect(parseExactJson('{"a":"\\ud83d\\ude00"}')).toEqual({ a: '😀' });
    expect(parseExactJson('{"a":"😀","n":12}')).toEqual({ a: '😀', n: '12' });
    expect(parseExactJson('{"a":"\\\\ud800"}')).toEqual({ a: '\\ud800' });
    expect(parseExactJson('{"\\ud83d\\ude00":1}')).toEqual({ '😀': '1' });
  });
});

const VALUE: Json = { a: [{ b: '1' }, 'x'], n: null, e: '', t: true, o: {}, 7: 'seven' };

describe('a member of it', () => {
  it.each<[path: (string | number)[], found: Json | undefined]>([
    [[], VALUE],
    [['a', 0, 'b'], '1'],
    [['a', 1], 'x'],
    [['n'], null],
    [[7], 'seven'],
    [['a', '0'], undefined],
    [['a', 'length'], undefined],
    [['a', 9], undefined],
    [['n', 'x'], undefined],
    [['a', 1, 0], undefined],
    [['missing', 'x'], undefined],
    [['constructor'], undefined],
    [['__proto__'], undefined],
    [['toString', 'name'], undefined],
  ])('at %j', (path, found) => expect(at(VALUE, ...path)).toEqual(found));

  it('is looked for in nothing too', () => {
    expect(at(undefined)).toBeUndefined();
    expect(at(undefined, 'a')).toBeUndefined();
    expect(at(null, 'a')).toBeUndefined();
  });

  it('is a text, if it is one and not empty', () => {
    expect(textAt(VALUE, 'a', 0, 'b')).toBe('1');
    for (const name of ['e', 'n', 't', 'o', 'a', 'missing']) expect(textAt(VALUE, name), name).toBeUndefined();
  });

  it('is a list, or an empty one', () => {
    expect(listAt(VALUE, 'a')).toEqual([{ b: '1' }, 'x']);
    for (const name of ['e', 'n', 't', 'o', 'missing']) expect(listAt(VALUE, name), name).toEqual([]);
  });

  it('is an object, or it is none', () => {
    expect([{}, { a: '1' }].map(isObject)).toEqual([true, true]);
    expect([null, undefined, [], 'x', true].map(isObject)).toEqual([false, false, false, false, false]);
  });
});
