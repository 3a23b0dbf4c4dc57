/**
 * A line of a bank statement that comes from a processor or goes to one: the one vocabulary between the readers of statements
 * and the ledger's rules.
 */
export type BankLine = {
  readonly type: 'bank.line';
  /** The bank's own id of the booking, else a hash over its fields: unique in the bank account, for ever. */
  readonly identity: string;
  readonly bankAccount: string;
  /** The payout it pays; the bank's own reference until a match says which that is. */
  readonly reference: string;
  /** Minor units: what came in is positive, what left the bank (a returned or negative payout) negative. */
  readonly amount: bigint;
  readonly currency: string;
  /** Unix ms: the booking date. */
  readonly at: number;
  /** In whose days the statement is kept. */
  readonly zone: string;
};
