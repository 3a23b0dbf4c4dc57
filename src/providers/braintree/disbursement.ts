import { at, textAt } from '../../exact-json.ts';
import type { JsonRecord } from '../../json-records.ts';
import { fieldFault, requiredId } from '../json-report.ts';
import { lineBase } from '../report-lines.ts';
import type { ReportItem } from '../settlement-format.ts';
import { moneyOf } from './money.ts';
import { timeOf } from './times.ts';

/** What left for the bank on a day, in the webhook's words: `{"id","amount","disbursement_date","merchant_account":{…},…}`. */
export function disbursementItems({ value: told, raw, number: row }: JsonRecord): ReportItem[] {
  const id = requiredId(told, 'id');
  const account = requiredId(told, 'merchant_account', 'id');
  const day = textAt(told, 'disbursement_date');
  const time = timeOf(day);
  if (day === undefined || time === undefined) throw fieldFault('disbursement_date', day, 'must be a day');
  const money = moneyOf(textAt(told, 'amount'), textAt(told, 'merchant_account', 'currency_iso_code'));
  if (money === undefined) throw fieldFault('amount', undefined, 'or merchant_account.currency_iso_code is missing');
  const { currency } = money;
  const isDebit = textAt(told, 'disbursement_type') === 'debit' && money.amount > 0n;
  const amount = isDebit ? -money.amount : money.amount;
  // As its webhook names it: a second attempt is a payout of its own.
  const payout = at(told, 'retry') === true ? `${id}@${day}` : id;
  const hasFailed = at(told, 'success') === false;
  const batch = `${account}/${day}`;
  const parts = { batch, currency, fee: 0n, tax: 0n, at: time, zone: 'UTC', word: 'disbursement' };
  const keys = { source: id };
  const items: ReportItem[] = [
    {
      type: 'line',
      row,
      raw,
      line: { ...lineBase({ ...parts, identity: payout, gross: -amount }), kind: 'payout', payout },
      keys,
    },
  ];
  if (hasFailed) {
    const failed = lineBase({ ...parts, identity: `${payout}/failed`, gross: amount });
    items.push({ type: 'line', row, raw, line: { ...failed, kind: 'payout_reversal', payout }, keys });
  }
  const closing = hasFailed ? amount : 0n;
  const sequence = { kind: 'day', series: account, value: day } as const;
  items.push({ type: 'batch', batch, currency, sequence, opening: 0n, closing, from: time, to: time });
  return items;
}
