import { detached } from '../../csv-rows.ts';
import { hasColumns, headerCells } from '../../header-columns.ts';
import { money } from '../report-amount.ts';
import { BATCHES_MAX, reportBlocks, TOO_MANY_BATCHES } from '../report-rows.ts';
import type { ReportContext, ReportFault, ReportItem, ReportLine, SettlementFormat } from '../settlement-format.ts';
import { createStripeRows, STRIPE_COLUMNS } from './settlement-rows.ts';

const BASE = ['balance_transaction_id', 'currency', 'gross', 'fee', 'net', 'reporting_category'];
const DOCUMENTS = {
  payouts: 'https://docs.stripe.com/reports/report-types/payout-reconciliation',
  balance: 'https://docs.stripe.com/reports/report-types/balance',
  categories: 'https://docs.stripe.com/reports/reporting-categories',
};
/** Stripe names what it lets one download: `Itemized_balance_change_from_activity_USD_2026-02-01_to_2026-02-28_Etc-UTC.csv`. */
const ACTIVITY_NAME = /balance_change|activity/i;
const ENDING_NAME = /ending_balance/i;

/** Itemised, for accounts that are paid out automatically: every row names its payout. */
export const payoutReconciliation: SettlementFormat = {
  name: 'payout_reconciliation',
  title: 'Payout reconciliation, itemised (CSV)',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'control' : 'money'),
  mode: 'payout',
  proof: 'each payout’s rows come to its payout row; gross − fee = net in each row',
  documentation: [DOCUMENTS.payouts, DOCUMENTS.categories],
  recognises: (head, name) =>
    hasColumns(headerCells(head), [...BASE, 'automatic_payout_id']) &&
    !ACTIVITY_NAME.test(name ?? '') &&
    !ENDING_NAME.test(name ?? ''),
  read: (source, context) => itemised(source, context, { namesPayouts: true }),
};

/**
 * Itemised, for accounts that are also paid out by hand: Stripe cannot say what such a payout contains. It has no rows of
 * payouts; those are in `payouts`.
 */
export const balanceChange: SettlementFormat = {
  name: 'balance_change',
  title: 'Balance change from activity, itemised (CSV)',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'money' : 'control'),
  mode: 'balance',
  proof: 'gross − fee = net in each row; it states no balances (`balance_summary` does)',
  documentation: [DOCUMENTS.balance, DOCUMENTS.categories],
  recognises: (head, name) => isItemised(head) && !ENDING_NAME.test(name ?? ''),
  read: (source, context) => itemised(source, context, { namesPayouts: false }),
};

/** What was paid out, also by hand: the other half of the balance report, which moves its money where that one does. */
export const payouts: SettlementFormat = {
  name: 'payouts',
  title: 'Payouts, itemised (CSV)',
  role: ({ settlement_mode: mode }) => (mode === 'balance' ? 'money' : 'control'),
  mode: 'payout',
  proof: 'gross − fee = net in each row',
  documentation: [DOCUMENTS.balance, DOCUMENTS.categories],
  recognises: (head) => hasColumns(headerCells(head), [...BASE, 'payout_id']),
  read: (source, context) => itemised(source, context, { namesPayouts: false }),
};

/** What a period's ending balance consists of: not paid out yet. Its columns are those of the activity; its name tells. */
export const endingBalance: SettlementFormat = {
  name: 'ending_balance',
  title: 'Ending balance, itemised (CSV)',
  role: () => 'control',
  mode: 'payout',
  proof: 'gross − fee = net in each row',
  documentation: [DOCUMENTS.payouts, DOCUMENTS.categories],
  recognises: (head, name) => isItemised(head) && ENDING_NAME.test(name ?? ''),
  read: (source, context) => itemised(source, context, { namesPayouts: false }),
};

function isItemised(head: string): boolean {
  const header = headerCells(head);
  return hasColumns(header, BASE) && !hasColumns(header, ['payout_id']);
}

async function* itemised(
  source: AsyncIterable<Uint8Array>,
  context: ReportContext,
  { namesPayouts }: { readonly namesPayouts: boolean },
): AsyncGenerator<readonly ReportItem[], void, undefined> {
  const columns = namesPayouts ? { ...STRIPE_COLUMNS, payout: NAMED_PAYOUT } : STRIPE_COLUMNS;
  // Without the source nothing in a file that moves money would ever match what its webhooks told.
  const names = namesPayouts || context.mode === 'balance' ? { ...columns, source: NAMED_SOURCE } : columns;
  const proof = namesPayouts && context.mode !== 'balance' ? createPayoutProof() : null;
  let readRow: ReturnType<typeof createStripeRows> | undefined;
  for await (const { at, block, rows, faults, header } of reportBlocks(source, names)) {
    const items: ReportItem[] = [...faults];
    if (rows.length > 0) readRow ??= createStripeRows(at, header, context);
    for (const n of rows) {
      const line = readRow?.(block, n, items);
      if (line != null) proof?.add(line);
    }
    if (items.length > 0) yield items;
  }
  const faults = proof?.faults() ?? [];
  if (faults.length > 0) yield faults;
}

const NAMED_PAYOUT = ['automatic_payout_id'] as const;
const NAMED_SOURCE = ['source_id', 'payout_id'] as const;

type Sum = { readonly batch: string; readonly currency: string; net: bigint; payout: bigint; row: number | null };

/** Each payout's other rows come to what it paid. A payout without a row of its own proves nothing here: its webhook will. */
function createPayoutProof() {
  const sums = new Map<string, Sum>();
  let last: Sum | undefined;
  let isTooMany = false;
  return {
    add({ line, row }: ReportLine): void {
      if (last === undefined || last.batch !== line.batch || last.currency !== line.currency) {
        const key = `${line.currency} ${line.batch}`;
        last = sums.get(key);
        if (last === undefined) {
          if (sums.size >= BATCHES_MAX) {
            isTooMany = true;
            return;
          }
          last = { batch: detached(line.batch), currency: line.currency, net: 0n, payout: 0n, row: null };
          sums.set(detached(key), last);
        }
      }
      // A payout that came back is no part of what it paid.
      if (line.kind === 'payout_reversal' && line.payout === line.batch) return;
      if (line.kind === 'payout') {
        last.payout += line.net;
        last.row = row;
      } else last.net += line.net;
    },
    faults(): ReportFault[] {
      if (isTooMany) return [TOO_MANY_BATCHES];
      return [...sums.values()].flatMap(({ batch, currency, net, payout, row }) =>
        row === null || net + payout === 0n
          ? []
          : [
              {
                type: 'fault',
                kind: 'contradiction',
                row,
                field: 'net',
                value: money(payout, currency),
                reason: `the other rows of the payout ${batch} do not come to what it paid`,
                batch,
                expected: money(-payout, currency),
                found: money(net, currency),
                difference: { amount: net + payout, currency },
              },
            ],
      );
    },
  };
}
