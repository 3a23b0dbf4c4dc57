import type { discrepancyDetailView } from '../api/discrepancy-view.ts';
import { NO_CURRENCY } from '../currency.ts';
import { amountText } from './amount-text.ts';
import { moment, oneLine, table } from './table.ts';

type Detail = ReturnType<typeof discrepancyDetailView>;

/** Differences that are told in minor units. */
const MONEY: ReadonlySet<string> = new Set(['amount', 'fee']);

/** What is about a file has no amount. */
export const moneyText = (delta: string, currency: string): string =>
  currency === NO_CURRENCY ? '–' : amountText(delta, currency);

/** A discrepancy as people read it: both sides beside each other, then what moved them, then the work. */
export function discrepancyText(view: Detail): string {
  const { currency } = view;
  const side = (amount: string | undefined): string => (amount === undefined ? '–' : amountText(amount, currency));
  const head = [
    `${view.class}${view.cause === null ? '' : ` (${view.cause})`}  ${moneyText(view.delta, currency)}  ${view.status}${view.assignee === null ? '' : ` with ${oneLine(view.assignee)}`}`,
    `${view.provider}/${view.account}  ${oneLine(view.reference)}  ${view.age_days} days old, due ${moment(view.due_at)}`,
    `ledger ${side(view.ledger.amount)}   report ${side(view.settlement.amount)}   bank ${side(view.bank.amount)}`,
    ...view.differences.map(({ field, ledger, settlement, bank }) => {
      const told = (text: string): string => (MONEY.has(field) ? amountText(text, currency) : oneLine(text));
      return `${field}: ledger ${told(ledger)}, ${bank === undefined ? `report ${told(settlement)}` : `bank ${told(bank)}`}`;
    }),
    ...Object.entries(view.evidence).flatMap(([name, value]) =>
      value === null ? [] : [`${name}: ${oneLine(typeof value === 'string' ? value : JSON.stringify(value))}`],
    ),
    ...(view.suggested === null ? [] : [`suggested: ${view.suggested.action}`]),
  ].join('\n');
  const movements = table(
    [
      { title: 'WHEN', of: (one: Detail['movements'][number]) => moment(one.at) },
      { title: 'WHAT', of: (one) => (one.reversed ? `${one.kind} (taken back)` : one.kind) },
      { title: 'AMOUNT', of: (one) => amountText(one.amount, currency), right: true },
      { title: 'FROM', of: (one) => (one.row === null ? (one.event ?? '–') : `row ${one.row} of ${one.settlement}`) },
      { title: 'TRANSACTION', of: (one) => one.transaction },
    ],
    view.movements,
  );
  const suggestions = view.suggestions.map(
    (one) =>
      `may be ${oneLine(one.debit.reference)} = ${oneLine(one.credit.reference)}, ${amountText(one.amount, one.currency)}, score ${one.score}: --agree ${one.id}`,
  );
  const history = view.history.map(
    ({ at, actor, action, detail }) =>
      `${moment(at)}  ${oneLine(actor)}  ${action}  ${oneLine(JSON.stringify(detail))}`,
  );
  return [
    head,
    ...(view.movements.length === 0 ? [] : [movements]),
    ...(suggestions.length === 0 ? [] : [suggestions.join('\n')]),
    history.join('\n'),
  ].join('\n\n');
}
