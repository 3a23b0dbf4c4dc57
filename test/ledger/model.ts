/**
 * What the books must be, by plain sums: a table of what each fact moves, and nothing of the rules' code. Amounts are minor
 * units, a debit positive.
 */

export type Fact = {
  readonly what:
    | 'authorised'
    | 'captured'
    | 'cancelled'
    | 'fee'
    | 'refund.created'
    | 'refund.succeeded'
    | 'refund.failed'
    | 'payout.created'
    | 'payout.failed'
    | 'payout.returned'
    | 'dispute.withdrawn'
    | 'dispute.reinstated'
    | 'dispute.lost'
    | 'line.charge'
    | 'line.payout';
  /** Which of a few payments, refunds, payouts …: few, so that facts meet. */
  readonly n: number;
  readonly amount: bigint;
  /** Days before the others; long ago is in a period that may be closed. */
  readonly daysLate: number;
};

export type Move = readonly [account: string, item: string, amount: bigint];

type Effect = {
  readonly key: string;
  readonly moves: readonly Move[];
  /** What makes it another under the same key, where that is not its moves. */
  readonly content?: string;
  /** What stands under its key is right. */
  readonly yields?: boolean;
  readonly reverses?: string;
};

type Standing = { readonly content: string; readonly moves: readonly Move[]; readonly day: string };

export type Outcome = 'posted' | 'replayed' | 'conflict' | 'nothing';

const DAY_MS = 86_400_000;
export const FEE_OF_A_LINE = 7n;
export const currencyOf = ({ what, n }: Pick<Fact, 'what' | 'n'>): string =>
  what.includes('payout') || n % 2 === 0 ? 'EUR' : 'JPY';

const taken = (moves: readonly Move[]): Move[] => moves.map(([account, item, amount]) => [account, item, -amount]);
const textOf = (moves: readonly Move[]): string => moves.map(([...parts]) => parts.join(' ')).join('\n');

/** `today`: the day of what is not late. Roles stand for accounts, and items are `reference component`. */
export function createModel(today: number) {
  const effects = new Map<string, Standing>();
  const reversed = new Map<string, string>();
  let conflicts = 0;
  let firstOpen = '';

  const dayOf = (daysLate: number): string => new Date(today - daysLate * DAY_MS).toISOString().slice(0, 10);
  const sum = (account: string, item: string): bigint =>
    [...effects.values()]
      .flatMap(({ moves }) => moves)
      .reduce((total, [a, i, amount]) => (a === account && i === item ? total + amount : total), 0n);

  /** The table: which effects a fact has, and what each moves. */
  function effectsOf({ what, n, amount }: Fact): Effect[] {
    const [p, r, po, d] = [`p${n}`, `r${n}`, `po${n}`, `d${n}`];
    const kept = new Set(effects.keys());
    switch (what) {
      case 'authorised': {
        const moves: Move[] = [
          ['memo:authorisations', p, amount],
          ['memo:authorisations_contra', '', -amount],
        ];
        // Past the end of a payment it is only noted.
        return [{ key: `${p}:authorised`, moves: kept.has(`${p}:memo_final`) ? [] : moves, content: textOf(moves) }];
      }
      case 'cancelled': {
        const open = kept.has(`${p}:memo_final`) ? 0n : sum('memo:authorisations', p);
        const moves: Move[] = [
          ['memo:authorisations', p, -open],
          ['memo:authorisations_contra', '', open],
        ];
        return [{ key: `${p}:memo_final`, moves: open === 0n ? [] : moves, content: 'final' }];
      }
      case 'captured':
        return [
          {
            key: `${p}:captured`,
            moves: [
              ['asset:processor_pending', `${p} gross`, amount],
              ['income:revenue', '', -amount],
            ],
          },
        ];
      case 'fee': {
        const key = `${p}:fee`;
        const own: Effect = {
          key,
          moves: [
            ['expense:processing_fees', '', amount],
            ['asset:processor_pending', `${p} fee`, -amount],
          ],
        };
        if (kept.has(key)) return [own];
        // What its lines recognised for want of it is taken back.
        const recognised = [...effects].filter(
          ([k]) => k.startsWith(`line:c${n}.`) && k.endsWith(':fee_recognised') && !reversed.has(k),
        );
        return [
          own,
          ...recognised.map(([k, { moves }]) => ({ key: `${k}:reversed`, moves: taken(moves), reverses: k })),
        ];
      }
      case 'refund.created':
      case 'refund.succeeded':
      case 'refund.failed': {
        const steps: Effect[] = [
          {
            key: `${r}:created`,
            moves: [
              ['income:refunds', '', amount],
              ['liability:refunds_payable', r, -amount],
            ],
          },
          {
            key: `${r}:succeeded`,
            moves: [
              ['liability:refunds_payable', r, amount],
              ['asset:processor_pending', `${r} gross`, -amount],
            ],
          },
          {
            key: `${r}:failed`,
            moves: [
              ['asset:processor_pending', `${r} gross`, amount],
              ['income:refunds', '', -amount],
            ],
          },
        ];
        return steps.slice(0, ['refund.created', 'refund.succeeded', 'refund.failed'].indexOf(what) + 1);
      }
      case 'payout.created':
      case 'payout.failed':
      case 'payout.returned': {
        const created = payout(po, amount);
        if (what === 'payout.created') return [created];
        // It comes back once, whatever that is called.
        const end = ['failed', 'returned'].find((name) => kept.has(`${po}:${name}`)) ?? what.slice('payout.'.length);
        return [created, { key: `${po}:${end}`, moves: taken(created.moves) }];
      }
      case 'dispute.withdrawn':
      case 'dispute.reinstated':
      case 'dispute.lost': {
        const moved: Move[] = [
          ['asset:disputes_receivable', d, amount],
          ['asset:processor_pending', `${d} gross`, -amount],
        ];
        if (what === 'dispute.withdrawn') return [{ key: `${d}:withdrawn`, moves: moved }];
        if (what === 'dispute.reinstated') return [{ key: `${d}:reinstated`, moves: taken(moved) }];
        return [
          {
            key: `${d}:lost`,
            moves: [
              ['expense:dispute_losses', '', amount],
              ['asset:disputes_receivable', d, -amount],
            ],
          },
        ];
      }
      case 'line.charge': {
        // Two lines a payment, told apart by whether the amount is even.
        const key = `line:c${n}.${amount % 2n}`;
        const recognition: Effect = {
          key: `${key}:fee_recognised`,
          moves: [
            ['expense:processing_fees', '', FEE_OF_A_LINE],
            ['asset:processor_pending', `${p} fee`, -FEE_OF_A_LINE],
          ],
        };
        const announced = kept.has(`${p}:fee`) && !reversed.has(`${p}:fee`);
        const own: Effect = {
          key,
          moves: [
            ['asset:processor_balance', 'B1', amount - FEE_OF_A_LINE],
            ['asset:processor_pending', `${p} fee`, FEE_OF_A_LINE],
            ['asset:processor_pending', `${p} gross`, -amount],
          ],
        };
        return announced ? [own] : [own, recognition];
      }
      case 'line.payout':
        return [
          { ...payout(po, amount), yields: true },
          {
            key: `line:${po}`,
            moves: [
              ['asset:processor_balance', 'B1', -amount],
              ['asset:processor_balance', po, amount],
            ],
          },
        ];
    }
  }

  function stand(key: string, { moves, content = textOf(moves), reverses }: Omit<Effect, 'key'>, day: string): void {
    effects.set(key, { moves, content, day: day > firstOpen ? day : firstOpen });
    if (reverses !== undefined) reversed.set(reverses, key);
  }

  return {
    /** Like a transaction of the database: all of it or nothing. */
    tell(fact: Fact): Outcome {
      const told = effectsOf(fact);
      const clash = told.some(({ key, moves, content = textOf(moves), yields }) => {
        const standing = effects.get(key);
        return standing !== undefined && standing.content !== content && yields !== true;
      });
      if (clash) {
        if (!fact.what.startsWith('line.')) conflicts += 1;
        return 'conflict';
      }
      const fresh = told.filter(({ key }) => !effects.has(key));
      const takenBack = new Map(told.map(({ reverses }) => [reverses, effects.get(reverses ?? '')?.day]));
      for (const { key, ...effect } of fresh)
        stand(key, { ...effect }, takenBack.get(effect.reverses) ?? dayOf(fact.daysLate));
      if (told.every(({ key, moves }) => moves.length === 0 && fresh.some((f) => f.key === key))) return 'nothing';
      return fresh.length === 0 ? 'replayed' : 'posted';
    },
    /** A person takes it back; false: refused. */
    reverse(key: string): boolean {
      const standing = effects.get(key);
      const isReversal = [...reversed.values()].includes(key);
      if (standing === undefined || isReversal || reversed.has(key) || standing.moves.length === 0) return false;
      stand(`${key}:reversed`, { moves: taken(standing.moves), reverses: key }, standing.day);
      return true;
    },
    isReversed: (key: string): boolean => reversed.has(key),
    /** A service's request that came through. */
    moved(key: string, from: string, to: string, amount: bigint): void {
      const moves: Move[] = [
        [to, '', amount],
        [from, '', -amount],
      ];
      stand(key, { moves }, dayOf(0));
    },
    /** Closes everything up to so many days before today; what is effective then goes to the day after. */
    close(daysBefore: number): void {
      const day = dayOf(daysBefore - 1);
      if (day > firstOpen) firstOpen = day;
    },
    balance: (account: string): bigint => sum(account, ''),
    keys: (): string[] => [...effects.keys()],
    /** By `what account item currency`: what must be read from the database. Zeros are left out. */
    figures(currency: (key: string) => string): Map<string, bigint> {
      const figures = new Map<string, bigint>();
      const add = (name: string, amount: bigint): void => {
        const total = (figures.get(name) ?? 0n) + amount;
        if (total === 0n) figures.delete(name);
        else figures.set(name, total);
      };
      add('transactions', BigInt(effects.size));
      add('conflicts', BigInt(conflicts));
      for (const [key, { moves, day }] of effects) {
        for (const [account, item, amount] of moves) {
          const of = currency(key);
          add('postings', 1n);
          add(`balance ${account} ${of}`, amount);
          add(`day ${account} ${of} ${day}`, amount);
          if (item !== '') add(`item ${account} ${item} ${of}`, amount);
        }
      }
      return figures;
    },
  };
}

export type Model = ReturnType<typeof createModel>;

function payout(po: string, amount: bigint): Effect {
  return {
    key: `${po}:created`,
    moves: [
      ['asset:bank_in_transit', po, amount],
      ['asset:processor_balance', po, -amount],
    ],
  };
}
