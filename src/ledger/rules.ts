import { bankLineDrafts } from './bank-line-rule.ts';
import type { Draft, RuleContext } from './draft.ts';
import { batchNamedDrafts, lineDrafts } from './line-rules.ts';
import { allocationDrafts, writeOffDrafts } from './match-rules.ts';
import { paymentDrafts } from './payment-rules.ts';
import { periodDrafts } from './period-rules.ts';
import type { Told } from './told.ts';

export type { Draft, Look, RuleContext } from './draft.ts';

/** Raised when a rule posts something else than before; kept on every transaction. */
export const RULE_VERSION = 2;

/** The effects of what is told, those it implies first: what is posted already is a replay. Pure. */
export function draftsOf(told: Told, context: RuleContext): Draft[] {
  switch (told.type) {
    case 'settlement.line':
      return lineDrafts(told, context);
    case 'settlement.batch_named':
      return batchNamedDrafts(told, context);
    case 'settlement.opening':
    case 'settlement.closing':
      return periodDrafts(told, context);
    case 'bank.line':
      return bankLineDrafts(told, context);
    case 'match.allocated':
      return allocationDrafts(told, context);
    case 'write_off':
      return writeOffDrafts(told, context);
    default:
      return paymentDrafts(told, context);
  }
}
