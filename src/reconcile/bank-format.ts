/**
 * A bank statement in one of its formats: bytes in, statements and their booked entries out, in the file's order, a group at a time.
 */
export type BankFormat = {
  /** As `format` in the API: `camt.053`. */
  readonly name: 'camt.053' | 'mt940' | 'bai2' | 'csv';
  readonly title: string;
  /** Whether a file that begins so is of this format. At most 64 KiB, decoded. */
  recognises(head: string): boolean;
  /** What the file says. Faults are items, not errors. Throws only what `source` throws. */
  read(source: AsyncIterable<Uint8Array>, context: BankContext): AsyncIterable<readonly BankItem[]>;
};

export type BankContext = {
  /** IANA name: in whose days a statement without zone is kept. */
  readonly zone: string;
  /** Of a CSV: which column is what. */
  readonly mapping: unknown;
  readonly fileName: string | null;
};

export type BankItem = BankEntry | BankStatement | BankFault;

/** A booked entry. What a statement lists without having booked it (pending, interim) is no entry. */
export type BankEntry = {
  readonly type: 'entry';
  /** Where it stands: the line in the file, from 1, or the entry's number in a file without lines (XML: its line as well). */
  readonly row: number;
  readonly raw: string;
  /** The account as the statement names it: IBAN without spaces, else the bank's own. */
  readonly account: string;
  readonly statement: string;
  /**
   * The bank's own id of the booking with its day and amount, else statement and position in it, or day and content: unique in the
   * account, for ever, and the same whichever file brings the booking. Two of one statement that are the same in every field are two.
   */
  readonly identity: string;
  /** Minor units: what came in is positive. */
  readonly amount: bigint;
  readonly currency: string;
  /** Unix ms: booking and value date. */
  readonly at: number;
  readonly valueAt: number | null;
  /** Every reference the entry has (end-to-end, bank, customer, mandate), without fillers as NOTPROVIDED. */
  readonly references: readonly string[];
  /** Name and account of the other side, where told. */
  readonly counterparty: { readonly name: string | null; readonly account: string | null };
  /** The remittance text, its parts joined by a space. */
  readonly text: string;
  /** The bank takes an earlier booking back. */
  readonly reversal: boolean;
};

/** Comes after its entries. Opening and closing are null where the format or the bank does not tell them. */
export type BankStatement = {
  readonly type: 'statement';
  readonly account: string;
  readonly statement: string;
  /** Its place among the account's statements, where numbered: a gap is a missing file. */
  readonly number: { readonly year: number | null; readonly value: number } | null;
  readonly currency: string;
  readonly opening: bigint | null;
  readonly closing: bigint | null;
  /** Unix ms of the two balances' days. */
  readonly from: number | null;
  readonly to: number | null;
  readonly entries: number;
  /** Sum of its booked entries. */
  readonly sum: bigint;
  /** Says of itself that it is a copy or duplicate of one sent before. */
  readonly copy: boolean;
};

/** As a settlement report's: see `ReportFault`. A statement that does not close is a contradiction. */
export type BankFault = {
  readonly type: 'fault';
  readonly kind: 'unreadable' | 'contradiction';
  readonly row: number | null;
  readonly field: string | null;
  readonly value: string | null;
  readonly reason: string;
  readonly statement?: string;
  readonly expected?: string;
  readonly found?: string;
};
