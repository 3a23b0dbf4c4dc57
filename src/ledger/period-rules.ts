import type { PeriodBalance } from '../settlement-line.ts';
import { chart, pathPart } from './chart.ts';
import { type Draft, draft, type RuleContext } from './draft.ts';
import { leg } from './entry.ts';
import { carryReference } from './line-rules.ts';

/**
 * A report's own opening and closing, for accounts whose payouts do not name their lines: the period's balance is zero
 * exactly when opening + activity − payouts = closing, and what two periods hand over exactly when this opening is the last
 * closing. The first opening of all is what was there before us. Pure.
 */
export function periodDrafts(told: PeriodBalance, context: RuleContext): Draft[] {
  const { type, batch, neighbour, amount, currency, at, zone } = told;
  const balance = chart.processorBalance(context);
  const opens = type === 'settlement.opening';
  const legs = [
    leg(balance, currency, opens ? amount : -amount, batch),
    neighbour === null
      ? leg(chart.openingBalances, currency, opens ? -amount : amount)
      : leg(
          balance,
          currency,
          opens ? -amount : amount,
          opens ? carryReference(neighbour, batch) : carryReference(batch, neighbour),
        ),
  ];
  const version = told.version === undefined ? '' : `/${told.version}`;
  const key = `period:${pathPart(batch)}:${opens ? 'opening' : 'closing'}:${currency}${version}`;
  return [{ ...draft({ key, at, type }, legs), zone }];
}
