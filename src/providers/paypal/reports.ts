import type { ProviderReports } from '../provider-reports.ts';

/**
 * developer.paypal.com/docs/reports/sftp-reports: settlement reports are put on an SFTP server, and nowhere else. The API offers a
 * search of transactions, which names no fees of disputes, no balances and no closing: nothing that a settlement could be proved by.
 */
export const reports: ProviderReports = {
  what: 'nothing: settlement reports are on its SFTP server only',
  days: 0,
  unavailable: () =>
    'settlement reports are on its SFTP server only (reports.paypal.com); fetch the file there and import it',
  open: async () => ({ kind: 'missing', detail: 'PayPal gives out no settlement report by its API' }),
};
