import { fitLife } from '../fit-life.ts';
import { type Life, liveOnce } from '../life.ts';
import { createRandom } from '../random.ts';
import { shapeOf } from './scenarios.ts';
import { hourOf, type WorldAccount } from './world-account.ts';

/** What is settled of a fee: 2.9 % and three of the smallest coins, rounded down, each capture for itself. */
const FEE_THOUSANDTHS = 29n;

export type Shape = Partial<Pick<Life, 'amount' | 'captures' | 'captureFails' | 'refunds' | 'dispute'>> & {
  readonly feeTold?: Life['fee']['told'];
  /** Currency the payer pays in. */
  readonly payer?: 'EUR' | 'USD' | 'GBP';
};

/** The life of a number, and the shape a fault wants it to have. Numbers count from 1, `livesPerDay` a day. Pure. */
export function lifeOf(account: WorldAccount, number: number, wanted: Shape | undefined): Life {
  const { dialect, currency, calendar, seed } = account;
  const day = dayOf(account, number);
  const place = (number - 1) % calendar.livesPerDay;
  const startedAt = hourOf(account, day, 8) + Math.floor((place * 8 * 3_600_000) / calendar.livesPerDay);
  const shape = wanted ?? shapeOf(account, number) ?? {};
  const random = createRandom(`${seed}/life${number}`);
  const born = liveOnce(number, startedAt, random, [currency]);
  const paidIn = shape.payer === undefined || shape.payer === currency.code ? undefined : shape.payer;
  const { feeTold: wantedFee = born.fee.told, payer: _payer, ...rest } = shape;
  // Who pays in a foreign currency disputes nothing here: what a processor takes back then has a rate of its own.
  const dispute = paidIn !== undefined ? null : rest.dispute === undefined ? born.dispute : rest.dispute;
  const feeTold = dialect.feesTold && paidIn === undefined ? wantedFee : 'never';
  const lived = fitLife(
    {
      ...born,
      ...rest,
      fee: { ...born.fee, told: feeTold },
      dispute,
      ...(paidIn === undefined ? {} : { currency: paidIn, exponent: 2 }),
      payout: null,
      twin: false,
      ...(dialect.negatives ? {} : { refunds: small(rest.refunds ?? born.refunds) }),
      // What is disputed is the whole of it.
      ...(dialect.negatives || dispute === null
        ? {}
        : { amount: (rest.amount ?? born.amount) / 10n + 1n, captures: null }),
    },
    { ...dialect.simulator.abilities, ...dialect.abilities },
  );
  const parts = keptCaptures({ ...lived, captureFails: false });
  const cost = parts.reduce((sum, part, index) => sum + feeOf(account, part, index), 0n);
  return { ...lived, fee: { amount: cost, told: cost === 0n ? 'never' : lived.fee.told } };
}

/** A tenth of each, and no more of the payment's in all. */
const small = (refunds: Life['refunds']): Life['refunds'] =>
  refunds.map((refund) => ({ ...refund, amount: refund.amount / 10n + 1n }));

export const dayOf = ({ calendar }: WorldAccount, number: number): number =>
  1 + Math.floor((number - 1) / calendar.livesPerDay);

/** The numbers of the lives that begin on a day: first and last. */
export function numbersOf({ calendar }: WorldAccount, day: number): readonly [first: number, last: number] {
  const first = (day - 1) * calendar.livesPerDay + 1;
  return [first, first + calendar.livesPerDay - 1];
}

/** The captures whose money is kept: what is taken back is the last. */
export function keptCaptures(life: Life): readonly bigint[] {
  const parts = life.captures ?? [life.amount];
  return life.captureFails ? parts.slice(0, -1) : parts;
}

/** What one capture costs, in the account's currency. */
export function feeOf({ currency: { step } }: WorldAccount, capture: bigint, index: number): bigint {
  if (capture === 0n) return 0n;
  return ((capture * FEE_THOUSANDTHS) / 1000n / step) * step + (index === 0 ? 3n * step : 0n);
}
