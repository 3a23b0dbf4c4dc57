import { createRandom, type Random } from '../support/random.ts';

/** What processors, reports and the bank told in one small world of two accounts, in no order. Amounts are minor units. */
export type Fact = { readonly account: 0 | 1; readonly at: number } & (
  | {
      readonly fact: 'announced';
      readonly what: 'captured' | 'reversed' | 'withdrawn' | 'reinstated';
      readonly reference: string;
      readonly no: number;
      readonly amount: bigint;
      readonly currency: string;
      readonly payment: string | null;
      readonly merchant: string | null;
    }
  | {
      readonly fact: 'fee';
      readonly reference: string;
      readonly no: number;
      readonly amount: bigint;
      readonly currency: string;
    }
  | {
      readonly fact: 'line';
      readonly kind: 'charge' | 'chargeback' | 'adjustment';
      readonly identity: string;
      readonly batch: string;
      readonly reference: string;
      readonly gross: bigint;
      readonly fee: bigint;
      readonly currency: string;
      readonly payment: string | null;
      readonly merchant: string | null;
    }
  | {
      readonly fact: 'payout';
      readonly payout: string;
      readonly amount: bigint;
      readonly currency: string;
      readonly failed: boolean;
    }
  | {
      readonly fact: 'bank';
      readonly identity: string;
      readonly amount: bigint;
      readonly currency: string;
      readonly text: string;
    }
);

const DAY = 86_400_000;

/** Few names and few amounts, so that much of it collides. `name` begins every reference: worlds must not meet. */
export function randomWorld(seed: number, name: string, end: number): Fact[] {
  const random = createRandom(seed);
  const facts: Fact[] = [];
  const payments = 1 + random.below(4);
  const at = (): number => end - random.below(25) * DAY - random.below(DAY);
  const account = (): 0 | 1 => (random.below(8) === 0 ? 1 : 0);
  const currency = (): string => (random.below(8) === 0 ? 'USD' : 'EUR');
  const amount = (): bigint => BigInt(random.pick([100, 100, 200, 250, 300, 400]));
  const order = (): string | null => (random.below(2) === 0 ? null : `${name}-order-${random.below(3)}`);
  const parent = (): string | null => (random.below(3) > 0 ? null : `${name}-sale-${random.below(2)}`);
  const batch = (): string => `${name}-payout-${random.below(2)}`;
  let no = 0;
  const next = (): number => {
    no += 1;
    return no;
  };
  for (let n = 0; n < payments; n += 1) {
    const reference = `${name}-p${n}`;
    const told = { account: account(), at: at(), currency: currency(), payment: parent(), merchant: order() };
    const sum = amount();
    const kind = random.below(4) === 0 ? 'chargeback' : 'charge';
    if (random.below(6) > 0) {
      facts.push({
        fact: 'announced',
        what: kind === 'charge' ? 'captured' : 'withdrawn',
        reference,
        no: next(),
        amount: sum,
        ...told,
      });
      if (random.below(7) === 0)
        facts.push({
          fact: 'announced',
          what: kind === 'charge' ? 'captured' : 'withdrawn',
          reference,
          no: next(),
          amount: amount(),
          ...told,
        });
      if (random.below(7) === 0)
        facts.push({
          fact: 'announced',
          what: kind === 'charge' ? 'reversed' : 'reinstated',
          reference,
          no: next(),
          amount: sum,
          ...told,
        });
      if (random.below(3) === 0)
        facts.push({ fact: 'fee', reference, no: next(), amount: BigInt(5 + random.below(3)), ...told });
    }
    for (let m = lines(random); m > 0; m -= 1) {
      const gross = random.below(5) === 0 ? amount() : sum;
      const signed = (kind === 'chargeback') !== (random.below(12) === 0) ? -gross : gross;
      facts.push({
        fact: 'line',
        kind,
        identity: `${name}-l${next()}`,
        batch: batch(),
        reference: random.below(3) === 0 ? `${name}-x${random.below(3)}` : reference,
        gross: signed,
        fee: random.below(2) === 0 ? 0n : BigInt(5 + random.below(3)),
        account: random.below(10) === 0 ? account() : told.account,
        at: at(),
        currency: random.below(10) === 0 ? currency() : told.currency,
        payment: random.below(3) === 0 ? parent() : told.payment,
        merchant: random.below(3) === 0 ? order() : told.merchant,
      });
    }
  }
  if (random.below(6) === 0) {
    const identity = `${name}-l${next()}`;
    const rest = { gross: amount(), fee: 0n, currency: 'EUR', payment: null, merchant: null };
    facts.push({
      fact: 'line',
      kind: 'adjustment',
      identity,
      reference: identity,
      batch: batch(),
      account: 0,
      at: at(),
      ...rest,
    });
  }
  for (let n = random.below(3); n > 0; n -= 1) {
    const payout = `${name}-payout-${n - 1}`;
    const sum = random.below(2) === 0 ? settledIn(facts, payout) : amount();
    if (sum <= 0n) continue;
    const paid = at();
    facts.push({
      fact: 'payout',
      payout,
      amount: sum,
      currency: 'EUR',
      failed: random.below(6) === 0,
      account: 0,
      at: paid,
    });
    for (let m = random.below(3); m > 0; m -= 1)
      facts.push({
        fact: 'bank',
        identity: `${name}-b${next()}`,
        amount: random.below(4) === 0 ? amount() : sum,
        currency: 'EUR',
        text: random.below(2) === 0 ? `PAYMENT ${payout.toUpperCase().replaceAll('-', '/')}` : 'PROCESSOR',
        account: 0,
        at: paid + random.below(8) * DAY,
      });
  }
  return facts;
}

const lines = (random: Random): number => random.pick([0, 1, 1, 1, 1, 2]);

function settledIn(facts: readonly Fact[], payout: string): bigint {
  return facts.reduce(
    (sum, one) =>
      one.fact === 'line' && one.batch === payout && one.account === 0 && one.currency === 'EUR'
        ? sum + one.gross - one.fee
        : sum,
    0n,
  );
}
