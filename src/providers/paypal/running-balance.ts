import { contradiction } from '../report-faults.ts';
import type { ReportFault } from '../settlement-format.ts';

type Chain = { balance: bigint; net: bigint; forward: Break | null; backward: Break | null };
type Break = { readonly row: number; readonly expected: bigint; readonly found: bigint };

/** The column of balances as a proof: each is the one before with what the row moved. Files may be in either order of time. */
export type RunningBalance = {
  take(row: number, currency: string, net: bigint, balance: bigint): void;
  end(): readonly ReportFault[];
};

const CURRENCIES_MAX = 200;

export function createRunningBalance(): RunningBalance {
  const chains = new Map<string, Chain>();
  return {
    take(row, currency, net, balance) {
      const before = chains.get(currency);
      if (before === undefined) {
        if (chains.size < CURRENCIES_MAX) chains.set(currency, { balance, net, forward: null, backward: null });
        return;
      }
      if (before.balance + net !== balance) before.forward ??= { row, expected: balance, found: before.balance + net };
      if (balance + before.net !== before.balance)
        before.backward ??= { row, expected: balance, found: before.balance - before.net };
      before.balance = balance;
      before.net = net;
    },
    end: () =>
      [...chains].flatMap(([currency, { forward, backward }]) => {
        if (forward === null || backward === null) return [];
        // The order that holds for longer is the file's.
        const { row, ...both } = forward.row >= backward.row ? forward : backward;
        const where = { row, field: `Balance ${currency}`, currency, ...both };
        return [contradiction(where, 'The balance is not the one before with what the row moved, in minor units')];
      }),
  };
}
