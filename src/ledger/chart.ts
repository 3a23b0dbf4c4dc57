/** The accounts of the ledger by role. `{p}` is the provider, `{a}` the processor account, never the endpoint. */
export type AccountType = 'asset' | 'liability' | 'equity' | 'income' | 'expense' | 'memo';

export type AccountRef = { readonly path: string; readonly type: AccountType; readonly openItem: boolean };

/** Whose books an event is about. */
export type Books = { readonly provider: string; readonly account: string };

const of = (path: string, openItem = false): AccountRef => ({
  path,
  type: path.slice(0, path.indexOf(':')) as AccountType,
  openItem,
});

/** A name inside a path: ids come from processors, and a path is split at colons. */
export const pathPart = (name: string): string =>
  /[%:]/.test(name) ? name.replaceAll('%', '%25').replaceAll(':', '%3A') : name;

const ofProcessor =
  (role: string, openItem: boolean) =>
  ({ provider, account }: Books): AccountRef =>
    of(`${role}:${pathPart(provider)}:${pathPart(account)}`, openItem);

export const chart = {
  bank: (bankAccount: string) => of(`asset:bank:${pathPart(bankAccount)}`),
  bankInTransit: ofProcessor('asset:bank_in_transit', true),
  processorPending: ofProcessor('asset:processor_pending', true),
  processorBalance: ofProcessor('asset:processor_balance', true),
  processorReserve: ofProcessor('asset:processor_reserve', true),
  disputesReceivable: ofProcessor('asset:disputes_receivable', true),
  taxRecoverable: of('asset:tax_recoverable'),
  fxPosition: of('asset:fx_position'),
  client: (id: string) => of(`asset:client:${pathPart(id)}`),
  refundsPayable: ofProcessor('liability:refunds_payable', true),
  sellerPayable: (id: string) => of(`liability:seller_payable:${pathPart(id)}`),
  taxPayable: of('liability:tax_payable'),
  suspense: ofProcessor('liability:suspense', true),
  openingBalances: of('equity:opening_balances'),
  revenue: of('income:revenue'),
  platformFees: of('income:platform_fees'),
  refunds: of('income:refunds'),
  fxGainLoss: of('income:fx_gain_loss'),
  processingFees: ofProcessor('expense:processing_fees', false),
  disputeFees: of('expense:dispute_fees'),
  disputeLosses: of('expense:dispute_losses'),
  payoutFees: of('expense:payout_fees'),
  rounding: of('expense:rounding'),
  reconciliationDifferences: of('expense:reconciliation_differences'),
  authorisations: ofProcessor('memo:authorisations', true),
  authorisationsContra: of('memo:authorisations_contra'),
} as const;
