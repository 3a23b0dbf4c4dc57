import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listSlices, memberSlice } from '../src/json-slices.ts';

const texts = (json: string, member = 'data'): string[] => listSlices(Buffer.from(json), member).map(String);

describe('the elements of a list', () => {
  it('are the very bytes: amounts beyond 2^53, fractions, exponents, escapes and blanks', () => {
    const elements = [
      '{"amount":9007199254740993,"fee":1.10, "x":-0,"e":1E+2}',
      '{ "id" : "a\\u0062c\\"]}," , "list":[[],[1,{"data":[0]}]] }',
      '"text, with ]}"',
      '12345678901234567890',
      'null',
      '[]',
      '{}',
      '"ü€😀"',
    ];
    for (const [comma, around] of [
      [',', ''],
      [' ,\n\t', ' \r\n'],
    ] as const) {
      const json = `${around}{"object":"list",${around}"data"${around}:${around}[${around}${elements.join(comma)}${around}]${around},"has_more":true}${around}`;
      expect(texts(json)).toEqual(elements);
    }
  });

  it('are found by the name as JSON reads it, the last where it is repeated, and never in a nested object', () => {
    expect(texts('{"data":[1],"x":{"data":[2]},"d\\u0061ta":[3]}')).toEqual(['3']);
    expect(() => texts('{"x":{"data":[2]}}')).toThrow('no list "data"');
  });

  it('begin after a byte-order mark', () => {
    expect(listSlices(Buffer.from('\ufeff{"data":[1]}'), 'data').map(String)).toEqual(['1']);
  });

  it.each([
    ['no JSON', 'data'],
    ['cut off', '{"data":[1'],
    ['a list', '[1]'],
    ['no such member', '{}'],
    ['another type', '{"data":{"0":1}}'],
    ['too deep', `{"data":${'['.repeat(100)}${']'.repeat(100)}}`],
  ])('are not looked for in %s', (_name, json) => {
    expect(() => texts(json)).toThrow(expect.objectContaining({ code: 'unreadable_event' }));
  });

  it('are not looked for in bytes that are no UTF-8: the text could not be what was sent', () => {
    const json = Buffer.concat([Buffer.from('{"data":["'), Buffer.from([0xff]), Buffer.from('"]}')]);
    expect(() => listSlices(json, 'data')).toThrow(expect.objectContaining({ code: 'unreadable_event' }));
  });
});

it('agrees with JSON.parse about any list in any object', () => {
  const space = fc.constantFrom(undefined, 1, '\t');
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ depthSize: 'small' })),
      fc.dictionary(fc.string(), fc.jsonValue()),
      space,
      (list, around, indent) => {
        const json = JSON.stringify({ ...around, data: list, after: around }, null, indent);
        const slices = texts(json);
        expect(slices.map((slice) => JSON.parse(slice) as unknown)).toEqual(JSON.parse(JSON.stringify(list)));
        for (const slice of slices) expect(json).toContain(slice);
      },
    ),
  );
});

it('gives one member, or nothing', () => {
  expect(String(memberSlice(Buffer.from('{"a":1.50 ,"b":{"a":2}}'), 'a'))).toBe('1.50');
  expect(memberSlice(Buffer.from('{"b":1}'), 'a')).toBeUndefined();
});
