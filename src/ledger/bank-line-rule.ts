import type { BankLine } from '../bank-line.ts';
import { chart, pathPart } from './chart.ts';
import { type Draft, draft, type RuleContext } from './draft.ts';
import { leg } from './entry.ts';

/** Only a bank line clears what is in transit; a payout that came back, or a negative one, leaves the bank. Pure. */
export function bankLineDrafts(line: BankLine, context: RuleContext): Draft[] {
  const { type, identity, bankAccount, reference, amount, currency, at, zone } = line;
  const key = `bank:${pathPart(bankAccount)}:${pathPart(identity)}`;
  const legs = [
    leg(chart.bank(bankAccount), currency, amount),
    leg(chart.bankInTransit(context), currency, -amount, reference),
  ];
  return [{ ...draft({ key, at, type }, legs), zone }];
}
