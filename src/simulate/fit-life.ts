import type { Life, LifeDispute, LifeRefund } from './life.ts';

/** What can happen to a payment at one processor, and is told by its webhooks. */
export type Abilities = {
  /** `parts`: authorised first, then captured in parts; `whole`: authorised first, captured whole; `at_once`: captured when paid. */
  readonly captures: 'parts' | 'whole' | 'at_once';
  /** Which captures may be taken back later: `apart`, only those of a payment authorised first. */
  readonly captureFailure: 'any' | 'apart' | 'none';
  readonly fees: boolean;
  /** `of_first_capture`: a refund names one capture; `one`: only what was refunded in all is told. */
  readonly refunds: 'many' | 'of_first_capture' | 'one' | 'none';
  /** `later`: also one that had succeeded; `at_once`: before it does. */
  readonly refundFailure: 'later' | 'at_once' | 'none';
  /**
   * `cycles`: money goes, comes back and goes again; `endless`: the same, and nothing tells that it is lost; `outcome`: goes, and
   * comes back when it is won; `return`: the same, and nothing tells that it is lost; `withdrawal`: goes, and no more is told;
   * `loss`: goes when it is lost; `words`: opened and closed without a word of money.
   */
  readonly disputes: 'cycles' | 'endless' | 'outcome' | 'return' | 'withdrawal' | 'loss' | 'words' | 'none';
  readonly payouts: 'may_fail' | 'sent' | 'none';
};

/** The life as it can be lived at a processor of these abilities: what its events come to in the books. Pure. */
export function fitLife(life: Life, abilities: Abilities): Life {
  const captures = capturesOf(life, abilities);
  const captured = captures === null ? life.amount : captures.reduce((sum, part) => sum + part, 0n);
  const { captureFailure } = abilities;
  return {
    ...life,
    captures,
    captureFails: life.captureFails && (captureFailure === 'any' || (captureFailure === 'apart' && captures !== null)),
    fee: abilities.fees ? life.fee : { ...life.fee, told: 'never' },
    refunds: refundsOf(life, abilities, captures?.[0] ?? life.amount),
    // A payment of several captures is disputed by the one that a refund would name.
    dispute: disputeOf(
      life,
      abilities,
      abilities.refunds === 'of_first_capture' ? (captures?.[0] ?? captured) : captured,
    ),
    payout:
      life.payout === null || abilities.payouts === 'none'
        ? null
        : { amount: captured, fails: life.payout.fails && abilities.payouts === 'may_fail' },
  };
}

function capturesOf({ captures, amount }: Life, abilities: Abilities): readonly bigint[] | null {
  if (captures === null || abilities.captures === 'parts') return captures;
  return abilities.captures === 'whole' ? [amount] : null;
}

function refundsOf({ refunds }: Life, { refunds: told, refundFailure }: Abilities, firstCapture: bigint): LifeRefund[] {
  if (told === 'none') return [];
  const possible = refunds.flatMap(({ amount, outcome }): LifeRefund[] => {
    if (outcome === 'succeeded' || refundFailure === 'later') return [{ amount, outcome }];
    return refundFailure === 'at_once' ? [{ amount, outcome: 'failed' }] : [];
  });
  if (told === 'one') return possible.slice(0, 1);
  if (told === 'many') return possible;
  let left = firstCapture;
  return possible.filter(({ amount }) => {
    if (amount > left) return false;
    left -= amount;
    return true;
  });
}

function disputeOf({ dispute }: Life, { disputes }: Abilities, captured: bigint): LifeDispute | null {
  if (dispute === null || disputes === 'none') return null;
  const won = dispute.movements.length === 2;
  const all = { ...dispute, amount: captured };
  switch (disputes) {
    case 'cycles':
      return all;
    case 'endless':
      return { ...all, outcome: dispute.movements.length % 2 === 0 ? dispute.outcome : 'open' };
    case 'outcome':
      return won
        ? { ...all, outcome: 'won' }
        : { ...all, movements: ['withdrawn'], outcome: dispute.outcome === 'lost' ? 'lost' : 'open' };
    case 'return':
      return won ? { ...all, outcome: 'won' } : { ...all, movements: ['withdrawn'], outcome: 'open' };
    case 'withdrawal':
      return { ...all, movements: ['withdrawn'], outcome: 'open' };
    case 'loss':
      return { ...all, movements: dispute.outcome === 'lost' ? ['withdrawn'] : [] };
    case 'words':
      return { ...all, movements: [] };
  }
}
