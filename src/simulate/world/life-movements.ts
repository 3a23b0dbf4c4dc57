import type { Life } from '../life.ts';
import { dayOf, feeOf, keptCaptures } from './lives.ts';
import type { Movement } from './movement.ts';
import { bookedAt, type WorldAccount } from './world-account.ts';

/** How many days after its payment a movement is settled at the latest: the last of three movements of a dispute. */
export const SETTLED_WITHIN_DAYS = 4;

/** What a life truly moves, in the order in which it is settled. Pure. */
export function movementsOf(account: WorldAccount, life: Life): Movement[] {
  const { dialect } = account;
  const day = dayOf(account, life.number);
  const make = (told: Pick<Movement, 'kind' | 'index' | 'name'>, later: number, amount: bigint, fee = 0n): Movement => {
    const batch = day + later;
    const tax = told.kind === 'charge' ? (fee * (dialect.taxPercent ?? 0n)) / 100n : 0n;
    const at = bookedAt(account, batch);
    const reference = dialect.reference(life, told.kind, told.index);
    return { ...told, life, reference, at, batch, ...settled(account, life, amount), fee, tax };
  };
  const made: Movement[] = [];
  for (const [index, part] of keptCaptures(life).entries()) {
    // What costs nothing because nothing was paid still has its line.
    const { gross } = settled(account, life, part);
    const { costs } = dialect;
    const first = index === 0 ? life.fee.amount : 0n;
    const fee = costs === 'each' ? feeOf(account, gross, index) : costs === 'first' ? first : 0n;
    // What is captured after the first is often settled after it; a fee that is told is told of all of it at once.
    const later = index > 0 && life.fee.told === 'never' ? 1 : 0;
    made.push(make({ kind: 'charge', index, name: `capture${index}` }, later, part, fee));
  }
  for (const [index, { amount, outcome }] of life.refunds.entries()) {
    if (outcome === 'failed') continue;
    made.push(make({ kind: 'refund', index, name: `refund${index}` }, 1, -amount));
    if (outcome === 'failed_later')
      made.push(make({ kind: 'refund_reversal', index, name: `refund_reversal${index}` }, 2, amount));
  }
  const { dispute } = life;
  for (const [index, movement] of (dispute?.movements ?? []).entries()) {
    const amount = dispute?.amount ?? 0n;
    const fee = index === 0 && dialect.disputeFee !== 'none' ? (dispute?.fee ?? 0n) : 0n;
    made.push(
      movement === 'withdrawn'
        ? make({ kind: 'chargeback', index, name: `dispute${index}` }, 2 + index, -amount, fee)
        : make({ kind: 'chargeback_reversal', index, name: `dispute${index}` }, 2 + index, amount),
    );
  }
  return made;
}

/** Ten-thousandths of the account's currency for one unit of the payer's. */
const RATES: Readonly<Record<string, bigint>> = {
  'GBP>EUR': 11_712n,
  'GBP>USD': 12_683n,
  'GBP>JPY': 1_905_000n,
  'GBP>KWD': 3_921n,
  'USD>GBP': 7_885n,
};

function settled(account: WorldAccount, life: Life, amount: bigint): Pick<Movement, 'gross' | 'payer'> {
  const { code, exponent } = account.currency;
  if (life.currency === code) return { gross: amount };
  const rate = RATES[`${life.currency}>${code}`] ?? 10_000n;
  const text = `${rate / 10_000n}.${String(rate % 10_000n).padStart(4, '0')}`;
  const gross = halfEven(amount * rate * 10n ** BigInt(exponent), 10_000n * 10n ** BigInt(life.exponent));
  return { gross, payer: { amount, currency: life.currency, rate: text } };
}

export function halfEven(value: bigint, by: bigint): bigint {
  const magnitude = value < 0n ? -value : value;
  const [whole, rest] = [magnitude / by, magnitude % by];
  const up = rest * 2n > by || (rest * 2n === by && whole % 2n === 1n);
  const rounded = up ? whole + 1n : whole;
  return value < 0n ? -rounded : rounded;
}
