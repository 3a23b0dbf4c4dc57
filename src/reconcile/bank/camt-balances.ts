import type { BankFault } from '../bank-format.ts';
import type { BalanceProof } from './balance-proof.ts';
import { moneyText, readAmount } from './bank-amount.ts';
import { contradiction, unreadable } from './bank-fault.ts';
import type { Days } from './day.ts';

type Stated = { code: string; row: number; currency: string; amount: bigint; at: number | null; day: string };

/** Of a statement's balances (Bal), those that prove it; available, forward and information balances prove nothing. */
const BOOKED = new Set(['OPBD', 'PRCD', 'CLBD', 'ITBD']);
const STATED_MAX = 1_000;

export function createCamtBalances(days: Days) {
  const stated: Stated[] = [];
  let values = new Map<string, { text: string; currency: string; row: number }>();
  let row = 0;

  function begin(at: number): void {
    values = new Map();
    row = at;
  }

  function close(path: string, text: string, attributes: Readonly<Record<string, string>>, at: number): void {
    if (PATHS.has(path)) values.set(path, { text, currency: attributes.Ccy ?? '', row: at });
  }

  function end(): BankFault[] {
    const code = values.get('Tp/CdOrPrtry/Cd')?.text ?? values.get('Tp/Cd')?.text ?? '';
    if (!BOOKED.has(code) || stated.length >= STATED_MAX) return [];
    const amount = values.get('Amt') ?? { text: '', currency: '', row };
    const read = readAmount(amount.text, amount.currency);
    if (read.kind === 'fault')
      return [unreadable({ row: amount.row, field: `Bal ${code}`, value: amount.text }, read.reason)];
    const direction = values.get('CdtDbtInd')?.text ?? '';
    if (direction !== 'CRDT' && direction !== 'DBIT')
      return [unreadable({ row, field: `Bal ${code}/CdtDbtInd`, value: direction }, 'must be CRDT or DBIT')];
    const day = values.get('Dt/Dt')?.text ?? values.get('Dt/DtTm')?.text ?? '';
    const at = days.iso(day);
    if (at === null && day !== '')
      return [unreadable({ row, field: `Bal ${code}/Dt`, value: day }, 'must be a day, such as 2026-03-01')];
    const value = direction === 'DBIT' ? -read.value : read.value;
    stated.push({ code, row, currency: amount.currency, amount: value, at, day: day.slice(0, 10) });
    return [];
  }

  const first = (codes: readonly string[], currency?: string): Stated | null =>
    codes.flatMap((code) =>
      stated.filter((one) => one.code === code && (currency ?? one.currency) === one.currency),
    )[0] ?? null;

  /** Gives the proof its balances; an interim one (ITBD) opens a page that is not the first, and closes one that is not the last. */
  function apply(
    proof: BalanceProof,
    { isFirst, isLast }: { readonly isFirst: boolean; readonly isLast: boolean },
  ): void {
    for (const currency of new Set(stated.map((one) => one.currency))) {
      const interim = stated.filter((one) => one.code === 'ITBD' && one.currency === currency);
      const opening = first(['OPBD', 'PRCD'], currency) ?? (isFirst ? null : (interim[0] ?? null));
      const closing = first(['CLBD'], currency) ?? (isLast ? null : ((isFirst ? interim.at(-1) : interim[1]) ?? null));
      if (opening !== null) proof.opens(currency, opening);
      if (closing !== null) proof.closes(currency, closing);
    }
  }

  /** The same balance stated twice with different amounts. */
  function contradictions(): BankFault[] {
    return stated.flatMap((one) => {
      if (one.code === 'ITBD') return [];
      const before = first(one.code === 'CLBD' ? ['CLBD'] : ['OPBD', 'PRCD'], one.currency);
      if (before === null || before.amount === one.amount) return [];
      return [
        contradiction(
          { row: one.row, field: `Bal ${one.code}` },
          `is not the ${before.code} of this statement, and must be`,
          { expected: moneyText(before.amount, before.currency), found: moneyText(one.amount, one.currency) },
        ),
      ];
    });
  }

  return {
    begin,
    close,
    end,
    apply,
    contradictions,
    firstOpening: () => first(['OPBD', 'PRCD', 'ITBD']),
    lastDay: () => first(['CLBD', 'ITBD', 'OPBD', 'PRCD'])?.day ?? null,
    currency: () => first(['CLBD', 'OPBD', 'PRCD', 'ITBD'])?.currency ?? null,
  };
}

const PATHS = new Set(['Tp/CdOrPrtry/Cd', 'Tp/Cd', 'Amt', 'CdtDbtInd', 'Dt/Dt', 'Dt/DtTm']);
