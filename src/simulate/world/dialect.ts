import type { EndpointSettings } from '../../providers/provider.ts';
import type { Abilities } from '../fit-life.ts';
import type { Life, LifeCurrency } from '../life.ts';
import type { Simulator } from '../simulator.ts';
import type { ToldEvent } from '../told-event.ts';
import type { Movement } from './movement.ts';
import type { WorldAccount } from './world-account.ts';

/**
 * How one processor names what moves, and how it writes its settlement report: written from its documents, and never from the code
 * that reads them.
 */
export type Dialect = {
  readonly simulator: Simulator;
  /** What accounts are settled in; worlds take them in turn. */
  readonly currencies: readonly LifeCurrency[];
  /** IANA name: in whose days the processor keeps its reports. */
  readonly zone: string;
  /** The report's name in the API. */
  readonly format: string;
  readonly mode: 'payout' | 'batch' | 'balance';
  readonly settings?: EndpointSettings;
  /** The item of a movement as the processor's webhooks name it. */
  reference(life: Life, kind: Movement['kind'], index: number): string;
  /** What can happen there in a world, where its reports cannot show all that its webhooks tell. */
  readonly abilities?: Partial<Abilities>;
  /** Whether its webhooks tell what a payment costs. */
  readonly feesTold: boolean;
  /** What a dispute costs is `told` by webhooks, `charged` on its line only, or it costs nothing. */
  readonly disputeFee: 'told' | 'charged' | 'none';
  /** Each capture's line bears its own costs, the first bears all, or none does: a line of the batch has them. */
  readonly costs: 'each' | 'first' | 'batch';
  /** What of a fee is tax (GST), in per cent of the fee. */
  readonly taxPercent?: bigint;
  /** Whether a batch may come to less than nothing; else refunds are kept small. */
  readonly negatives: boolean;
  /** Whether a missing report is seen by those around it: batches are numbered, or there is one a day. */
  readonly numbered: boolean;
  /** Whether one file may be of several batches. */
  readonly joins: boolean;
  /** What of its disputes' money is announced by webhooks: the rest its lines tell themselves. */
  readonly tellsDisputes: 'all' | 'withdrawals' | 'nothing';
  /**
   * Payers may pay in another currency than the account's: lines say the rate (`told`), the report is held to it as well
   * (`proved`), or they say what was paid and what was settled only (`untold`).
   */
  readonly fx: 'told' | 'proved' | 'untold' | 'none';
  /** What the ledger calls all that is withheld; absent: its reports show nothing of it here. */
  readonly hold?: string;
  /** What rounding leaves between its lines and the payout stands in a row of its own. */
  readonly roundingRow?: true;
  /** Its fees are written with digits below the minor unit, and only the payout is rounded. */
  readonly fractions?: true;
  /** Which amounts may occur: beyond 2^53 (`large`), and of nothing too (`all`). */
  readonly extremes: 'all' | 'large' | 'none';
  /** What happens on the account besides payments, in one batch. */
  extras?(account: WorldAccount, batch: number): readonly Movement[];
  /** Webhooks of those. */
  tellExtra?(movement: Movement, account: WorldAccount): readonly ToldEvent[];
  /** A batch of less than nothing, or left to the next one, is carried forward instead of paid out. */
  carries?(batch: number): boolean;
  /** The payout of a batch as the ledger names it. */
  payoutReference(payout: Payout): string;
  /** The batch as the ledger names it (B). */
  batchReference(payout: Payout): string;
  /** Webhooks of a payout; none: only the report tells it. `failed`: it came back. */
  tellPayout?(payout: Payout): readonly ToldEvent[];
  /** What its API answers about a life and about a payout, by path: where webhooks name their object only. */
  answers?(life: Life, account: WorldAccount): Answers;
  payoutAnswers?(payout: Payout): Answers;
  /** What the bank's statement shows of it: an end-to-end id, and a text. */
  bankText(payout: Payout): { readonly endToEnd: string | null; readonly text: string };
  fileName(file: ReportFile): string;
  /** The report's bytes as text, piece by piece. */
  write(file: ReportFile): Iterable<string>;
};

export type Answers = ReadonlyArray<readonly [path: string, body: string]>;

/** What the processor pays out for a batch. */
export type Payout = {
  readonly account: WorldAccount;
  readonly batch: number;
  /** May be negative, where the processor takes it from the bank. */
  readonly amount: bigint;
  readonly fails: boolean;
  /** A life that has nothing but this payout: its ids and times. */
  readonly life: Life;
};

/** A batch as its report shows it. */
export type BatchReport = {
  readonly batch: number;
  readonly payout: Payout;
  /** Σ net of all movements but carried-over sums; what the closing rows say, whether or not the rows are there. */
  readonly net: bigint;
  readonly gross: bigint;
  readonly fee: bigint;
  readonly tax: bigint;
  readonly count: number;
  /** What came from the batch before, and what goes to the next. */
  readonly carriedIn: bigint;
  readonly carriedOut: bigint;
  /** The balance before and after, for reports that state it. */
  readonly opening: bigint;
  readonly closing: bigint;
  /** Each time anew: a writer may go through them twice. */
  movements(): Iterable<Movement>;
  /** False: the payout is left out, though the money is there. */
  readonly showsPayout: boolean;
};

/** A file as the processor would hand it over: one batch, or several that overlap with what was reported before. */
export type ReportFile = {
  readonly account: WorldAccount;
  readonly batches: readonly BatchReport[];
};
