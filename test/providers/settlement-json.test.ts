import { describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import type { SettlementFormat } from '../../src/providers/settlement-format.ts';
import { JSON_REPORTS } from '../support/json-reports.ts';
import { createRandom } from '../support/random.ts';
import { faultsOf, itemsOf } from '../support/report-items.ts';

const TRIES = 150;

describe.each(JSON_REPORTS)('%s %s', (provider, name, parts) => {
  const format: SettlementFormat | undefined = providers.get(provider)?.settlements?.find((one) => one.name === name);
  if (format === undefined) throw new Error(`${provider} has no format ${name}`);
  const text = parts.map((part) => JSON.stringify(part)).join('\n');

  it('is known by its head, and by no other format of its provider', async () => {
    const known = (providers.get(provider)?.settlements ?? []).filter((one) => one.recognises(text, null));
    expect(known.map((one) => one.name)).toEqual([name]);
    expect(faultsOf(await itemsOf(format, text))).toEqual([]);
  });

  it('never throws, and never makes a line that contradicts itself', async () => {
    const { below } = createRandom(11);
    const NOISE = [
      '"',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      '\\',
      '\n',
      '\0',
      '0',
      '9',
      '-',
      '.',
      'é',
      '',
      'null',
      '\uFEFF',
      'e9',
    ];
    for (let n = 0; n < TRIES; n += 1) {
      let broken = text;
      for (let times = below(4); times >= 0; times -= 1) {
        const at = below(broken.length);
        broken = broken.slice(0, at) + (NOISE[below(NOISE.length)] ?? '') + broken.slice(at + below(3));
      }
      if (below(4) === 0) broken = broken.slice(0, below(broken.length));
      await itemsOf(format, broken, {}, 1 + below(500));
    }
  });

  it('a member of any type in place of another is a fault, or is left out', async () => {
    for (const match of text.matchAll(/(?<=:)(?:"[^"]*"|-?\d+(?:\.\d+)?|null|true|false)/g)) {
      for (const other of ['null', '{}', '[]', '""', '"\\u0000"', '1e999', '-0', '99999999999999999999999999', '"x"']) {
        const changed = text.slice(0, match.index) + other + text.slice(match.index + match[0].length);
        await itemsOf(format, changed);
      }
    }
  });

  it.each([
    ['PK\u0003\u0004', /as CSV/],
    ['a,b\n1,2\n', /no JSON/],
    ['', /no record/],
    ['   \n', /no record/],
    ['"text"', /no JSON/],
  ])('%j is told for what it is', async (other, reason) => {
    expect(faultsOf(await itemsOf(format, other))).toMatchObject([
      { kind: 'unreadable', reason: expect.stringMatching(reason) },
    ]);
  });
});
