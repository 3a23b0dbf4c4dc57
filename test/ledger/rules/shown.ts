import type { Leg } from '../../../src/ledger/entry.ts';
import { type Draft, draftsOf, type RuleContext } from '../../../src/ledger/rules.ts';
import type { Told } from '../../../src/ledger/told.ts';
import { AT } from '../books.ts';

export const CONTEXT: RuleContext = { provider: 't', account: 'a', marketplace: null };

/** Every draft as a line `key kind …` and one for each of its legs: what must stay the same for good is the text itself. */
export function shown(drafts: readonly Draft[]): string[] {
  return drafts.flatMap(({ key, kind, at, zone, yields, look, legs }) => [
    [
      key,
      kind,
      ...(at === AT ? [] : [`at ${at}`]),
      ...(zone === undefined ? [] : [`in ${zone}`]),
      ...(yields === true ? ['yields'] : []),
      ...(look === null ? [] : [lookShown(look)]),
    ].join(' '),
    ...legs.map(legShown),
  ]);
}

/** What is told as drafts; all of them must balance. */
export function drafted(told: Told, marketplace: string | null = null): string[] {
  const drafts = draftsOf(told, { ...CONTEXT, marketplace });
  for (const { key, legs } of drafts) {
    for (const currency of new Set(legs.map((leg) => leg.currency))) {
      const sum = legs.reduce((all, leg) => all + (leg.currency === currency ? leg.amount : 0n), 0n);
      if (sum !== 0n) throw new Error(`${key} does not balance in ${currency}: ${sum}`);
    }
  }
  return shown(drafts);
}

export function legShown({ account, reference, component, currency, amount }: Leg): string {
  const item = reference === null ? '' : ` [${reference}${component === null ? '' : ` ${component}`}]`;
  return `  ${account.path}${item} ${currency} ${amount}`;
}

const lookShown = ({ kind, ...rest }: NonNullable<Draft['look']>): string =>
  `${kind}(${Object.values(rest).map(String).join(', ')})`;
