import { FAULTS_MAX } from '../../providers/settlement-format.ts';
import type { BankFault, BankItem } from '../bank-format.ts';

const VALUE_MAX = 200;

type Where = { readonly row: number | null; readonly field?: string; readonly value?: string };

/** What cannot be read: nothing of the file is posted. */
export function unreadable({ row, field, value }: Where, reason: string): BankFault {
  return { type: 'fault', kind: 'unreadable', row, field: field ?? null, value: cut(value), reason };
}

/** What is stated and what its entries come to. */
export type Disagreement = { readonly statement?: string; readonly expected: string; readonly found: string };

export function contradiction({ row, field, value }: Where, reason: string, against: Disagreement): BankFault {
  return { type: 'fault', kind: 'contradiction', row, field: field ?? null, value: cut(value), reason, ...against };
}

/** Tells at most `FAULTS_MAX` faults; of those beyond it tells how many they are. */
export async function* withFaultsMax(groups: AsyncIterable<readonly BankItem[]>): AsyncGenerator<readonly BankItem[]> {
  let faults = 0;
  let last: BankFault | undefined;
  for await (const group of groups) {
    const kept = group.filter((item) => {
      if (item.type !== 'fault') return true;
      faults += 1;
      // One that cannot be read must not hide behind contradictions: those may be accepted.
      if (faults < FAULTS_MAX) return true;
      if (last?.kind !== 'unreadable' || item.kind === 'unreadable') last = item;
      return false;
    });
    if (kept.length > 0) yield kept;
  }
  if (faults < FAULTS_MAX || last === undefined) return;
  const more = faults - FAULTS_MAX;
  yield [more === 0 ? last : { ...last, reason: `${last.reason} (the last; ${more} more are not listed)` }];
}

function cut(value: string | undefined): string | null {
  if (value === undefined) return null;
  return value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}…` : value;
}
