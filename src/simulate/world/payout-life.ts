import type { Life } from '../life.ts';
import { createRandom } from '../random.ts';
import { paidAt, type WorldAccount } from './world-account.ts';

/** A life with a payout in it and nothing else, for the ids and times its events need. */
export function payoutLife(account: WorldAccount, batch: number, amount: bigint, fails: boolean): Life {
  const { code, exponent } = account.currency;
  return {
    number: batch,
    startedAt: paidAt(account, batch),
    currency: code,
    exponent,
    amount,
    captures: null,
    captureFails: false,
    fee: { amount: 0n, told: 'never' },
    refunds: [],
    dispute: null,
    payout: { amount, fails },
    twin: false,
    random: createRandom(`${account.seed}/payout${batch}`),
  };
}
