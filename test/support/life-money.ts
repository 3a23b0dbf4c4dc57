import type { Life } from '../../src/simulate/life.ts';

/** What lives come to in the books, by account and currency, in minor units: debits less credits. */
export function moneyOfLives(lives: readonly Life[]): Record<string, string> {
  const sums = new Map<string, bigint>();
  const add = (account: string, currency: string, amount: bigint): void => {
    const name = `${account} ${currency}`;
    sums.set(name, (sums.get(name) ?? 0n) + amount);
  };
  for (const { amount, currency, captures, captureFails, fee, refunds, dispute, payout } of lives) {
    const parts = captures ?? [amount];
    // What is taken back is the last capture.
    const kept = captureFails ? parts.slice(0, -1) : parts;
    for (const part of kept) add('revenue', currency, -part);
    if (fee.told !== 'never') add('fees', currency, fee.amount);
    for (const refund of refunds) if (refund.outcome === 'succeeded') add('refunds', currency, refund.amount);
    for (const movement of dispute?.movements ?? [])
      add('disputed', currency, movement === 'withdrawn' ? (dispute?.amount ?? 0n) : -(dispute?.amount ?? 0n));
    if (payout !== null && !payout.fails) add('paid out', currency, payout.amount);
  }
  return sorted(sums);
}

const ACCOUNTS: ReadonlyArray<readonly [path: RegExp, name: string]> = [
  [/^income:revenue$/, 'revenue'],
  [/^income:refunds$/, 'refunds'],
  [/^expense:processing_fees:/, 'fees'],
  [/^asset:disputes_receivable:|^expense:dispute_losses$/, 'disputed'],
  [/^asset:bank_in_transit:/, 'paid out'],
];

/** The same of the ledger's balances, by `path currency`. */
export function moneyOfBalances(balances: Readonly<Record<string, string>>): Record<string, string> {
  const sums = new Map<string, bigint>();
  for (const [key, amount] of Object.entries(balances)) {
    const [path = '', currency = ''] = key.split(' ');
    const name = ACCOUNTS.find(([pattern]) => pattern.test(path))?.[1];
    if (name === undefined) continue;
    sums.set(`${name} ${currency}`, (sums.get(`${name} ${currency}`) ?? 0n) + BigInt(amount));
  }
  return sorted(sums);
}

function sorted(sums: ReadonlyMap<string, bigint>): Record<string, string> {
  const entries = [...sums].filter(([, amount]) => amount !== 0n).map(([name, amount]) => [name, String(amount)]);
  return Object.fromEntries(entries.sort()) as Record<string, string>;
}
