import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonItem, RECORD_BYTES_MAX, readJsonRecords } from '../src/json-records.ts';

async function read(text: string | Buffer, places: readonly string[] = [], chunk = 7): Promise<JsonItem[]> {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += chunk) {
      // Used anew, as a file's buffer is.
      yield Buffer.from(bytes.subarray(at, at + chunk));
    }
  }
  const items: JsonItem[] = [];
  for await (const group of readJsonRecords(chunks(), places)) items.push(...group);
  return items;
}

const raws = (items: readonly JsonItem[]): string[] =>
  items.flatMap((item) => (item.kind === 'record' ? [`${item.place}|${item.raw}`] : []));
const broken = (items: readonly JsonItem[]): string[] =>
  items.flatMap((item) => (item.kind === 'broken' ? [item.reason] : []));

describe('records', () => {
  it('are the elements of a bare list, in their own bytes', async () => {
    const items = await read('\ufeff[ {"a":1.10,"b":9007199254740993} ,\n{"a":"]}\\""},"x",3]\n');
    expect(raws(items)).toEqual(['|{"a":1.10,"b":9007199254740993}', '|{"a":"]}\\""}', '|"x"', '|3']);
    expect(items[0]).toMatchObject({ number: 1, value: { a: '1.10', b: '9007199254740993' } });
    expect(broken(items)).toEqual([]);
  });

  it('stand at named places, in any page, and what is beside them is told after them', async () => {
    const page = (n: number, cursor: string) => `{"errors":[{"data":[1]}],"data":[{"n":${n}},{"n":"€"}]${cursor}}`;
    const items = await read(`${page(1, ',"cursor":"c"')}\n${page(2, '')}`, ['data']);
    expect(raws(items)).toEqual(['data|{"n":1}', 'data|{"n":"€"}', 'data|{"n":2}', 'data|{"n":"€"}']);
    expect(items.map((item) => item.number)).toEqual([1, 2, 2, 3, 4, 4]);
    expect(items[2]).toMatchObject({
      kind: 'document',
      raw: '{"errors":[{"data":[1]}],"data":[],"cursor":"c"}',
      value: { cursor: 'c' },
      places: ['data'],
    });
  });

  it('may be deeper down, or one object in place of a list', async () => {
    const items = await read('{"payout":{"id":"a"},"_embedded":{"payments":[{"n":1}],"x":{}},"payments":[2]}', [
      'payout',
      '_embedded.payments',
    ]);
    expect(raws(items)).toEqual(['payout|{"id":"a"}', '_embedded.payments|{"n":1}']);
    expect(items.at(-1)).toMatchObject({ raw: '{"payout":null,"_embedded":{"payments":[],"x":{}},"payments":[2]}' });
  });

  it('are the lines of NDJSON, each a document of its own number', async () => {
    const items = await read('{"a":1}\r\n{"a":2}\n\n{"a":{"b":[{}]}}');
    expect(items).toMatchObject([
      { kind: 'document', number: 1, raw: '{"a":1}', places: [] },
      { number: 2, raw: '{"a":2}' },
      { number: 3, raw: '{"a":{"b":[{}]}}' },
    ]);
  });

  it('finds places whose names are written in escapes', async () => {
    expect(raws(await read('{"d\\u0061ta":[1]}', ['data']))).toEqual(['data|1']);
  });

  it('is the same in whatever pieces the bytes come', async () => {
    const place = fc.constantFrom('data', 'payout', 'other');
    const page = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(place, fc.jsonValue()), fc.constant({}));
    const file = fc.array(fc.tuple(page, fc.constantFrom('', '\n', ' \t\r\n')));
    await fc.assert(
      fc.asyncProperty(file, fc.nat({ max: 2 }), fc.integer({ min: 1, max: 40 }), async (pages, indent, chunk) => {
        const text = pages.map(([value, gap]) => JSON.stringify(value, null, indent) + gap).join('');
        const whole = await read(text, ['data', 'payout'], text.length + 1);
        expect(await read(text, ['data', 'payout'], chunk)).toEqual(whole);
        expect(broken(whole)).toEqual([]);
        const documents = pages.filter(([value]) => !Array.isArray(value)).length;
        expect(whole.filter(({ kind }) => kind === 'document')).toHaveLength(documents);
        const elements = pages.flatMap(([value]) =>
          Array.isArray(value)
            ? value
            : Object.entries(value).flatMap(([name, inner]) =>
                name === 'other' ? [] : Array.isArray(inner) ? inner : isPlain(inner) ? [inner] : [],
              ),
        );
        expect(whole.flatMap((item) => (item.kind === 'record' ? [JSON.parse(item.raw)] : []))).toEqual(
          elements.map((one) => JSON.parse(JSON.stringify(one))),
        );
      }),
    );
  });
});

const isPlain = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

describe('what is broken', () => {
  it.each([
    ['{"data":[{"a":1},{"b', 'inside record 2, at byte 20'],
    ['{"data":[{"a":1}', 'behind record 1, at byte 16'],
    ['[{"a":1},', 'behind record 1, at byte 9'],
    ['{"data":[12', 'inside record 1'],
    ['{"dat', 'behind record 0'],
  ])('%s is cut short', async (text, where) => {
    const items = await read(text, ['data']);
    expect(broken(items)).toEqual([expect.stringContaining('cut short')]);
    expect(broken(items)[0]).toContain(where);
    expect(items.at(-1)).toMatchObject({ isEnd: true, number: null });
  });

  it.each([
    ['a,b\n1,2', 'byte 0'],
    ['[{"a":1}] x', 'byte 10'],
    ['[{"a":1}{"a":2}]', 'byte 8'],
    ['[{"a":1},]', 'byte 9'],
    ['[,1]', 'byte 1'],
    ['[{"a":1}}', 'byte 8'],
    ['{"data":[{}}', 'byte 11'],
    [`${'{"a":'.repeat(17)}1${'}'.repeat(17)}`, 'deeper than 16'],
  ])('%s is no JSON', async (text, where) => {
    const items = await read(text, ['data']);
    expect(broken(items)).toEqual([expect.stringContaining(where)]);
    expect(items.at(-1)).toMatchObject({ isEnd: true });
  });

  it('a record that is none does not hide the others', async () => {
    const items = await read('[{"a":1},{"a":nul},{"a":2}]{"a":01}{"a":3}');
    expect(raws(items)).toEqual(['|{"a":1}', '|{"a":2}']);
    expect(items.filter(({ kind }) => kind === 'broken')).toMatchObject([
      { number: 2, isEnd: false },
      { number: 4, isEnd: false },
    ]);
    expect(items.at(-1)).toMatchObject({ kind: 'document', number: 5 });
  });

  it('a record that is too large, too deep or no UTF-8 is told, and left out', async () => {
    const large = `{"a":"${'x'.repeat(RECORD_BYTES_MAX)}"}`;
    const deep = `${'['.repeat(70)}${']'.repeat(70)}`;
    const bytes = Buffer.concat([
      Buffer.from(`[${large},${deep},{"a":"`),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"},4]'),
    ]);
    const items = await read(bytes, [], 64 * 1024);
    expect(broken(items)).toEqual([
      expect.stringContaining('larger'),
      expect.stringContaining('deeper'),
      expect.stringContaining('UTF-8'),
    ]);
    expect(raws(items)).toEqual(['|4']);
  });

  it('hostile bytes never throw', async () => {
    const soup = fc.array(fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'a', '1', ' ', '"data":[', 'null'));
    await fc.assert(
      fc.asyncProperty(soup, async (parts) => {
        const text = parts.join('');
        expect(await read(text, ['data'], 1)).toEqual(await read(text, ['data'], text.length + 1));
      }),
      { numRuns: 500 },
    );
  });
});
