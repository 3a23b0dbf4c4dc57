import { at } from '../../exact-json.ts';
import { contradiction, fieldFault, type JsonReading, readJsonReport } from '../json-report.ts';
import { hasPeriodHead, periodAt, type ReportDay } from '../report-period.ts';
import type { SettlementFormat } from '../settlement-format.ts';
import { timeAt, transactionLines } from './balance-rows.ts';

/**
 * All balance transactions of a day, as `GET /v1/balance_transactions?created[gte]=…&created[lt]=…&expand[]=data.source` answers,
 * page after page. Which day it is stands before them: `{"period":{"day":"2026-01-02","time_zone":"Europe/Berlin"}}`. They are what
 * the two itemised halves of the balance report tell, under the same identities and in the same batches.
 */
export const balanceDay: SettlementFormat = {
  name: 'balance_transactions',
  title: 'Balance transactions of a day (API)',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'money' : 'control'),
  mode: 'balance',
  proof:
    'amount − fee = net in each transaction; the last page says that there are no more. It states no balances (`balance_summary` does)',
  documentation: [
    'https://docs.stripe.com/api/balance_transactions/list',
    'https://docs.stripe.com/reports/reporting-categories',
  ],
  recognises: hasPeriodHead,
  read: (source) => readJsonReport(source, ['data'], reading()),
};

function reading(): JsonReading {
  let period: ReportDay | null = null;
  let further: number | null = null;
  return {
    record(record) {
      if (period === null)
        throw fieldFault('data', undefined, 'stands without its day: put {"period":{…}} before the transactions');
      const { day, zone, from, to } = period;
      const created = timeAt(record.value, 'created');
      if (created < from || created >= to)
        throw fieldFault('created', String(created / 1_000), `is not on ${day} in ${zone}`);
      return transactionLines(record, { batch: day, zone, payout: null });
    },
    document({ value, number, places }) {
      if (places.length > 0) further = at(value, 'has_more') === true ? number : null;
      else {
        if (period !== null) throw fieldFault('period', undefined, 'stands twice: hand each day in by itself');
        period = periodAt(value);
      }
      return [];
    },
    end() {
      if (further === null) return [];
      const reason = 'the last page says that there are more transactions: fetch them all';
      return [contradiction({ row: further, field: 'has_more', value: 'true', reason })];
    },
  };
}
