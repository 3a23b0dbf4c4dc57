import type { Columns } from '../../header-columns.ts';

/**
 * What the body of a settlement report (STL) and of a transaction detail report (TRR) have in common, by the header's names. A
 * French account's reports have French ones. All that is not named here is left out of `raw`: TRR tells names and addresses.
 */
export const TRANSACTION_COLUMNS = {
  transaction: ['Transaction ID', 'Numéro de transaction'],
  invoice: ['Invoice ID', 'Numéro de facture', null],
  reference: ['PayPal Reference ID', 'Numéro de référence PayPal'],
  referenceType: ['PayPal Reference ID Type', 'Type de numéro de référence PayPal', null],
  code: ['Transaction Event Code', 'Code de transaction'],
  begun: ['Transaction Initiation Date', 'Date de début de la transaction', null],
  completed: ['Transaction Completion Date', 'Date de fin de transaction'],
  direction: ['Transaction Debit or Credit', 'Transaction débitée ou créditée'],
  amount: ['Gross Transaction Amount', 'Montant brut de la transaction'],
  currency: ['Gross Transaction Currency', 'Devise de la transaction'],
  feeDirection: ['Fee Debit or Credit', 'Commission débitée ou créditée'],
  fee: ['Fee Amount', 'Montant de la commission'],
  feeCurrency: ['Fee Currency', 'Devise de la commission'],
  status: ['Transactional Status', 'État de la transaction', null],
  custom: ['Custom Field', null],
  bank: ['Bank Reference ID', null],
  tracking: ['Payment Tracking ID', null],
  store: ['Store ID', null],
  tax: ['Sales Tax Amount', null],
  shipping: ['Shipping Amount', null],
  insurance: ['Insurance Amount', null],
} as const;

export type TransactionColumns = Columns<typeof TRANSACTION_COLUMNS>;
