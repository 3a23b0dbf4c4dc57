import type { ProviderReports } from '../provider-reports.ts';

/** Transactions by their disbursement are searched by GraphQL, on another host and as another caller than the API of this adapter. */
export const reports: ProviderReports = {
  what: 'nothing: search transactions, refunds and disputes by GraphQL and import the answers',
  days: 0,
  unavailable: () => 'search its transactions, refunds and disputes by GraphQL, and import the answers as one file',
  open: async () => ({ kind: 'missing', detail: 'Braintree gives out no settlement report by its API' }),
};
