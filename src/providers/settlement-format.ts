import type { PeriodBalance, SettlementLine } from '../settlement-line.ts';
import type { EndpointSettings } from './provider.ts';

/**
 * A processor's settlement report in one of its formats: bytes in, canonical lines out, in the file's order, a group of rows at
 * a time, so that a file of any size takes the memory of one group. A reader is a pure function of its bytes and the account's
 * settings; it knows nothing of Postgres or of files read before.
 */
export type SettlementFormat = {
  /** As `format` in the API, unique in its provider: `settlement_details`. */
  readonly name: string;
  /** For people: "Settlement details report". */
  readonly title: string;
  /** Exactly one format of an account moves its money; lines of a control are kept, checked and shown, and never posted. */
  readonly role: (settings: EndpointSettings) => 'money' | 'control';
  /** How payouts and lines belong together in it where the account does not say: `settlement_mode`. */
  readonly mode: SettlementMode;
  /** A payout and its lines come in files of their own, each rounded by itself: what is left between them is rounding. */
  readonly roundsApart?: true;
  /** In what the file states that it is whole, and in what not, in a sentence for docs/providers.md. */
  readonly proof: string;
  /** The processor's documents, and what was seen in real files. */
  readonly documentation: readonly string[];
  /** Whether a file that begins so is of this format: by its header's names, wherever they stand. At most 64 KiB, decoded. */
  recognises(head: string, fileName: string | null): boolean;
  /** The account that a file with this head names, as webhooks name it; null or absent: it names none. */
  accountOf?(head: string): string | null;
  /** Where a report comes in several files: which of them this is. Null: it is whole by itself. */
  part?(head: string, fileName: string | null): ReportPart | null;
  /** Whether a file that ends so, with at most 64 KiB of it, is its report's last: asked where `part` left it open. */
  isLastPart?(tail: string): boolean;
  /**
   * What the file says. Faults are items, not errors: after one the reader goes on, so that all are told at once (at most
   * `FAULTS_MAX`). Throws only what `source` throws.
   */
  read(source: AsyncIterable<Uint8Array>, context: ReportContext): AsyncIterable<readonly ReportItem[]>;
};

/**
 * `payout`: every line names its payout. `batch`: the report has batches that are paid out or carried forward. `balance`: paid out
 * by hand; lines belong to the report's period, which opens and closes with a balance.
 */
export const SETTLEMENT_MODES = ['payout', 'batch', 'balance'] as const;
export type SettlementMode = (typeof SETTLEMENT_MODES)[number];

export type ReportContext = {
  /** The processor account it was handed in for. */
  readonly account: string;
  /** Of a report of several accounts, the one whose rows are meant; absent: it is of one. */
  readonly only?: string;
  readonly settings: EndpointSettings;
  readonly mode: SettlementMode;
  /** IANA name: in whose days the report is kept where it does not say so itself. */
  readonly zone: string;
  readonly fileName: string | null;
};

/** `key` is the same for all files of one report; `number` counts from 1; `last` is null where only the file's end tells it. */
export type ReportPart = { readonly key: string; readonly number: number; readonly last: boolean | null };

/** What one file may tell of faults by name; what is beyond is only counted. */
export const FAULTS_MAX = 1_000;

export type ReportItem = ReportLine | StatedBatch | PeriodBalance | ReportFault;

export type ReportLine = {
  readonly type: 'line';
  /** The line in the file it begins on, from 1; the record's number where the file has no lines (JSON). */
  readonly row: number;
  /** The row as it stood, without what a report tells of people beyond need. */
  readonly raw: string;
  readonly line: SettlementLine;
  /** What else names the same thing, for matching where the reference itself finds nothing. */
  readonly keys: LineKeys;
  /** Unix ms, where the report says so; `line.at` is when it was booked. */
  readonly occurredAt?: number;
  readonly availableAt?: number;
  /** What rounding to minor units left over, in minor units of the settlement currency, exact: "0.004" was given up. */
  readonly residue?: string;
  /** As the report writes it. */
  readonly fxRate?: string;
  /** As the report writes it, `visa`, for fee contracts. */
  readonly paymentMethod?: string;
};

/** Each as the processor's webhooks name it; absent where the report does not. */
export type LineKeys = {
  /** The modification or the processor's id of the movement. */
  readonly source?: string;
  /** The original payment. */
  readonly payment?: string;
  /** The merchant's own reference: order, invoice. */
  readonly merchant?: string;
  /** What the bank's text will say of the payout (payout lines). */
  readonly bank?: string;
};

/**
 * What the report itself states of one batch and currency, for its proof. In minor units of that currency, signed from the
 * merchant's side; absent where it does not state it. `lines` counts the canonical lines it is about.
 */
export type StatedBatch = {
  readonly type: 'batch';
  readonly batch: string;
  readonly currency: string;
  /** Position among the batches of the account, where they are numbered or dated: a gap is a missing file. */
  readonly sequence?: BatchSequence;
  readonly opening?: bigint;
  readonly closing?: bigint;
  /** Of a summary, which has no lines: what moved between the two, and what was paid out of it. */
  readonly net?: bigint;
  readonly payout?: bigint;
  /** Unix ms: the period, or the day of the payout. */
  readonly from?: number;
  readonly to?: number;
};

export type BatchSequence =
  | { readonly kind: 'number'; readonly series: string; readonly value: number }
  /** `YYYY-MM-DD`: one file a day of this series is expected. */
  | { readonly kind: 'day'; readonly series: string; readonly value: string };

export type ReportFault = {
  readonly type: 'fault';
  /**
   * `unreadable`: a row or the header that cannot be read: nothing of the file is posted. `contradiction`: a control total, count
   * or closing row that does not agree: finance may import it all the same with a reason.
   */
  readonly kind: 'unreadable' | 'contradiction';
  /** Null: the file as a whole. */
  readonly row: number | null;
  /** The column or field as the report calls it. */
  readonly field: string | null;
  /** What stood there, cut at 200 characters. */
  readonly value: string | null;
  /** What is wrong and how to mend it, for people: "must be a decimal number". */
  readonly reason: string;
  readonly batch?: string;
  /** Of a contradiction: what the report states, and what its rows come to, as text. */
  readonly expected?: string;
  readonly found?: string;
  /** found − expected in minor units, where they are amounts. */
  readonly difference?: { readonly amount: bigint; readonly currency: string };
};
