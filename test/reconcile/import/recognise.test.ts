import { describe, expect, it } from 'vitest';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { recogniseReport } from '../../../src/reconcile/import/recognise.ts';

const HEAD =
  'balance_transaction_id,created,currency,gross,fee,net,reporting_category,description,automatic_payout_id,source_id\n';

function formatOf(settings: EndpointSettings, head = HEAD, format: string | null = null): string {
  const found = recogniseReport(stripe, Buffer.from(head), { format, fileName: 'report.csv', settings });
  return found.kind === 'format' ? found.format.name : found.reason;
}

describe('a file that several formats know', () => {
  it('is of the one that moves the account’s money', () => {
    expect(formatOf({})).toBe('payout_reconciliation');
    expect(formatOf({ settlement_mode: 'balance' })).toBe('balance_change');
  });

  it('is of the one that is named, whatever that moves', () => {
    expect(formatOf({ settlement_mode: 'balance' }, HEAD, 'payout_reconciliation')).toBe('payout_reconciliation');
  });
});

describe('a file that none knows', () => {
  it.each([
    ['a workbook', 'PK\u0003\u0004rest', /fetch the same report as CSV/],
    ['nothing', ' \n', /empty/],
    ['another table', 'a,b,c\n1,2,3\n', /none of the reports of Stripe/],
  ])('is refused with what to do: %s', (_, head, reason) => {
    expect(formatOf({}, head)).toMatch(reason);
  });

  it('has a format named that there is not', () => {
    expect(() => formatOf({}, HEAD, 'monthly')).toThrow(/no settlement format "monthly"/);
  });
});
