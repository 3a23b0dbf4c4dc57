import { PosternError } from '../errors.ts';
import { type AccountRef, chart } from './chart.ts';
import { type Draft, draft, type RuleContext } from './draft.ts';
import { type Leg, leg } from './entry.ts';

/** The open-item accounts of a processor account, by role. */
const OPEN_ITEMS = {
  bank_in_transit: chart.bankInTransit,
  processor_pending: chart.processorPending,
  processor_balance: chart.processorBalance,
  processor_reserve: chart.processorReserve,
  disputes_receivable: chart.disputesReceivable,
  refunds_payable: chart.refundsPayable,
  suspense: chart.suspense,
} as const;

type ItemPart = { readonly reference: string; readonly component?: 'gross' | 'fee' | 'dispute' };

type MatchBase = {
  /** Of the match or the write-off: unique in the account, for ever. */
  readonly id: string;
  readonly item: keyof typeof OPEN_ITEMS;
  readonly amount: bigint;
  readonly currency: string;
  /** Unix ms: when the later of what is matched happened, or when it was written off. */
  readonly at: number;
};

/** Two items of one account are about the same money. Its source names the pass, its score and who agreed. */
export type Allocation = MatchBase & {
  readonly type: 'match.allocated';
  readonly debit: ItemPart;
  readonly credit: ItemPart;
};

/**
 * What is open stays open for good: `amount` is the part of the item's balance that is given up, negative where it is in our
 * favour. Its source names the reason and who approved.
 */
export type WriteOff = MatchBase & ItemPart & { readonly type: 'write_off' };

export function allocationDrafts(told: Allocation, context: RuleContext): Draft[] {
  const { id, type, item, amount, currency, at, debit, credit } = told;
  const account = OPEN_ITEMS[item](context);
  if (debit.reference === credit.reference && debit.component === credit.component)
    throw new PosternError('rule_failed', `match ${id} allocates ${debit.reference} to itself`);
  const legs = [itemLeg(account, currency, amount, debit), itemLeg(account, currency, -amount, credit)];
  return [draft({ key: `match:${id}`, at, type }, legs)];
}

export function writeOffDrafts(told: WriteOff, context: RuleContext): Draft[] {
  const { id, type, item, amount, currency, at } = told;
  const legs = [
    leg(chart.reconciliationDifferences, currency, amount),
    itemLeg(OPEN_ITEMS[item](context), currency, -amount, told),
  ];
  return [draft({ key: `write_off:${id}`, at, type }, legs)];
}

function itemLeg(account: AccountRef, currency: string, amount: bigint, { reference, component }: ItemPart): Leg {
  return leg(account, currency, amount, reference, component);
}
