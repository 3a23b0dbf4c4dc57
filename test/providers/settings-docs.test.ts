import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import { RECONCILIATION_CHECKS } from '../../src/providers/reconciliation-settings.ts';

const PAGE = readFileSync(new URL('../../docs/settlements.md', import.meta.url), 'utf8');

type Example = {
  readonly provider: string;
  readonly secrets: readonly string[];
  readonly settings: Record<string, unknown>;
};
const EXAMPLES = [...PAGE.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => JSON.parse(text ?? '') as Example);

it('every setting by which an account is reconciled is told, and no other', () => {
  const [, table = ''] = /\n\| setting \|[^\n]*\n\|---[^\n]*\n((?:\|[^\n]*\n)+)/.exec(PAGE) ?? [];
  const told = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(told.toSorted()).toEqual([...Object.keys(RECONCILIATION_CHECKS), 'time_zone'].toSorted());
});

it('there are whole examples with a fee contract', () => {
  expect(EXAMPLES.map(({ provider }) => provider)).toEqual(['stripe', 'adyen']);
});

it.each(EXAMPLES)('the example of $provider is taken as it stands', ({ provider: name, secrets, settings }) => {
  const provider = providers.get(name);
  expect(provider?.checkSettings(settings)).toEqual([]);
  expect(secrets.map((secret) => provider?.checkSecret(secret))).toEqual([null]);
  expect(settings.fee_contract).toBeInstanceOf(Array);
});
