import type { ToldEvent } from '../told-event.ts';
import type { Shape } from './lives.ts';
import type { Movement } from './movement.ts';

/** What faults change of an account's world: few things in a world of any size. Each is named by a life's number or a batch's. */
export type Edits = {
  /** What a fault needs its payment to be like. */
  readonly shapes: Map<number, Shape>;
  /** Its webhooks as they come, or do not. */
  readonly events: Map<number, (told: readonly ToldEvent[]) => readonly ToldEvent[]>;
  /** By `{life}:{movement's name}`. */
  readonly movements: Map<string, (movement: Movement) => readonly Reported[]>;
  /** Lives whose movements were moved into a batch where nobody would look for them. */
  readonly movedInto: Map<number, number[]>;
  /** Movements of no life, by batch. */
  readonly extras: Map<number, Movement[]>;
  readonly payouts: Map<number, PayoutEdit>;
  readonly files: Map<number, FileEdit>;
  readonly bank: Map<number, BankEdit>;
  readonly bankLines: BankExtra[];
  /** Webhooks that come besides those of the account's own lives. */
  readonly strays: (() => readonly ToldEvent[])[];
};

/** `counted` but not shown: cut out of the file, while its closing rows still have it. */
export type Reported = { readonly movement: Movement; readonly shown: boolean };

export type PayoutEdit = {
  /** The webhook and the bank know of so much less. */
  readonly short?: bigint;
  /** Neither told nor shown nor paid. */
  readonly missing?: true;
  /** Came back after it was sent; the money returns with the batch of that number. */
  readonly failsInto?: number;
};

export type FileEdit =
  | { readonly kind: 'missing' | 'twice' | 'late' | 'truncated' }
  /** It contradicts itself, and is taken all the same. */
  | { readonly kind: 'accepted' }
  /** The next file has this batch once more. */
  | { readonly kind: 'repeated' }
  /** Handed over first with some lines otherwise, then as it is. */
  | { readonly kind: 'amended'; readonly change: (movement: Movement) => Movement }
  /** States what was there before and after it higher by so much. */
  | { readonly kind: 'shifted'; readonly by: bigint };

/** `arrived`: the money of a payout that came back did reach the bank. */
export type BankEdit = {
  readonly short?: bigint;
  readonly missing?: true;
  readonly unnamed?: true;
  readonly arrived?: true;
};

export type BankExtra = { readonly day: number; readonly amount: bigint; readonly text: string };

export const noEdits = (): Edits => ({
  shapes: new Map(),
  events: new Map(),
  movements: new Map(),
  movedInto: new Map(),
  extras: new Map(),
  payouts: new Map(),
  files: new Map(),
  bank: new Map(),
  bankLines: [],
  strays: [],
});

export const asIs = (movement: Movement): readonly Reported[] => [{ movement, shown: true }];
