import { type Decimal, sum } from '../../decimal-amount.ts';
import { type SettlementLine, UNBATCHED } from '../../settlement-line.ts';
import { hashedIdentity } from '../line-identity.ts';
import { unreadable } from '../report-faults.ts';
import { lineBase } from '../report-lines.ts';
import type { ReportItem, ReportLine } from '../settlement-format.ts';
import { createBatchRounding } from './batch-rounding.ts';
import { type Breakdown, breakdownOf, costOf } from './breakdown-types.ts';
import { type Exact, minus, NOTHING, roundedAmounts } from './exact-amounts.ts';

/** One breakdown of an action, as it stands. */
export type ActionRow = {
  readonly row: number;
  readonly raw: string;
  readonly actionType: string;
  readonly action: string;
  readonly breakdown: string;
  readonly payment: string;
  readonly batch: string;
  readonly currency: string;
  readonly exponent: number;
  /** In the holding currency, negative where it is taken. */
  readonly amount: Decimal;
  /** Where the payer's currency is another; null: it is no amount in it, as fees are not. */
  readonly payer: { readonly amount: bigint | null; readonly currency: string } | undefined;
  readonly rate: string;
  readonly merchant: string;
  readonly method: string;
  readonly at: number;
  readonly zone: string;
  readonly requestedAt: number | undefined;
};

/** What becomes one line: rows of one action that are the same money, or its costs. */
type Fold = { readonly is: Breakdown; readonly rows: ActionRow[]; gross: Decimal; fee: Decimal; tax: Decimal };

export type ActionLines = {
  /** The lines of the action before, once a row of the next one has come. */
  take(row: ActionRow): readonly ReportItem[];
  end(): readonly ReportItem[];
};

/** More than any action has; their text is kept together. */
const ROWS_MAX = 400;
const IDENTITY_MAX = 400;

/**
 * Folds the rows of an action that follow each other into as few lines as are exact: the money with its fees and taxes is one,
 * what is withheld, paid out or not known is one each. Fees are rounded once for the action: row by row, thousands of
 * thousandths would be lost.
 */
export function createActionLines(): ActionLines {
  const rounding = createBatchRounding();
  /** How often an identity was met, so that an action whose rows do not follow each other loses none. */
  const seen = new Map<string, number>();
  let open: ActionRow[] = [];

  function close(): readonly ReportItem[] {
    const rows = open;
    open = [];
    return foldsOf(rows).map((fold) => {
      const item = lineOfFold(fold, seen);
      if (item.type === 'line') rounding.add(item, fold.rows[0]?.exponent ?? 2);
      return item;
    });
  }

  return {
    take(row) {
      const [first] = open;
      const isSame =
        first !== undefined &&
        first.action === row.action &&
        first.batch === row.batch &&
        first.currency === row.currency &&
        open.length < ROWS_MAX;
      const items = first !== undefined && !isSame ? close() : [];
      open.push(row);
      return items;
    },
    end: () => [...(open.length > 0 ? close() : []), ...rounding.end()],
  };
}

const typeOf = ({ actionType, breakdown, payment }: ActionRow): Breakdown =>
  breakdownOf(actionType, breakdown, payment !== '');

const isCost = (one: Breakdown): one is { readonly is: 'fee' | 'tax' } => one.is === 'fee' || one.is === 'tax';

function foldsOf(rows: readonly ActionRow[]): readonly Fold[] {
  const folds: Fold[] = [];
  const costs: { row: ActionRow; is: 'fee' | 'tax' }[] = [];
  for (const row of rows) {
    const is = typeOf(row);
    if (isCost(is)) {
      costs.push({ row, is: is.is });
      continue;
    }
    const same = folds.find((fold) => isSameMoney(fold, is, row));
    if (same === undefined) folds.push({ is, rows: [row], gross: row.amount, fee: NOTHING, tax: NOTHING });
    else {
      same.rows.push(row);
      same.gross = sum(same.gross, row.amount);
    }
  }
  for (const { row, is } of costs) {
    // Its own money first; an authorisation has none, and interchange is often billed a day later.
    let fold = folds.find((one) => one.is.is === 'movement' || one.is.is === 'fee');
    if (fold === undefined) {
      fold = {
        is: row.payment === '' ? { is: 'fee' } : costOf(row.actionType),
        rows: [],
        gross: NOTHING,
        fee: NOTHING,
        tax: NOTHING,
      };
      folds.push(fold);
    }
    fold.rows.push(row);
    if (is === 'fee') fold.fee = sum(fold.fee, minus(row.amount));
    else fold.tax = sum(fold.tax, minus(row.amount));
  }
  return folds;
}

/** Two captures in one action are one; a capture and its reversal by another sign are not. */
function isSameMoney(fold: Fold, is: Breakdown, row: ActionRow): boolean {
  const [first] = fold.rows;
  if (first === undefined || fold.is.is !== is.is) return false;
  const sameSign = first.amount.units < 0n === row.amount.units < 0n;
  if (is.is !== 'movement') return first.breakdown === row.breakdown && sameSign;
  return fold.is.is === 'movement' && fold.is.kind === is.kind && sameSign;
}

function lineOfFold(fold: Fold, seen: Map<string, number>): ReportItem {
  const { rows, gross, fee, tax } = fold;
  const [first] = rows;
  if (first === undefined) return unreadable({ row: null }, 'An action without rows');
  const exact: Exact = { gross, fee, tax };
  const sums = roundedAmounts(exact, first.exponent);
  if (sums === null)
    return unreadable({ row: first.row, field: 'Holding Currency Amount' }, 'is more than 64 bits can hold');
  const { gross: whole, fee: cost, tax: levy, residue } = sums;
  const base = lineBase({
    identity: identityOf(rows, seen),
    batch: first.batch,
    currency: first.currency,
    gross: whole,
    fee: cost,
    tax: levy,
    at: first.at,
    zone: first.zone,
    word: first.breakdown,
  });
  const payer = payerOf(fold, whole);
  if (payer === null) {
    const where = { row: first.row, field: 'Processing Currency Amount' };
    return unreadable(where, `has more decimals than ${first.payer?.currency ?? 'its currency'}`);
  }
  const item: ReportLine = {
    type: 'line',
    row: first.row,
    raw: rows.map(({ raw }) => raw).join('\n'),
    line: lineOf(base, fold, payer),
    keys: keysOf(fold.is, first),
    ...(residue === undefined ? {} : { residue }),
    ...(first.rate === '' || first.rate === '1' ? {} : { fxRate: first.rate }),
    ...(first.method === '' ? {} : { paymentMethod: first.method }),
    ...(first.requestedAt === undefined ? {} : { occurredAt: first.requestedAt }),
  };
  return item;
}

type Payer = { readonly payer?: { readonly amount: bigint; readonly currency: string } };

function lineOf(base: ReturnType<typeof lineBase>, { is, rows }: Fold, payer: Payer): SettlementLine {
  const { action = '', payment = '', actionType = '' } = rows[0] ?? {};
  const isIn = base.gross > 0n;
  switch (is.is) {
    case 'movement': {
      const isRefundBack = is.kind === 'returned' && isIn;
      const reference = payment === '' || is.named === 'action' || isRefundBack ? action : payment;
      return { ...base, kind: kindOf(is.kind, isIn), reference, ...payer };
    }
    case 'hold':
      return { ...base, kind: isIn ? 'reserve_release' : 'reserve_hold', hold: payment === '' ? actionType : payment };
    case 'payout': {
      const payout = base.batch === UNBATCHED ? action : base.batch;
      return { ...base, identity: payoutIdentity(payout), kind: 'payout', payout };
    }
    case 'topup':
      return { ...base, kind: 'topup', payout: action };
    case 'fee':
    case 'tax':
      return { ...base, kind: base.fee === 0n ? 'tax' : 'fee' };
    case 'adjustment':
      return { ...base, kind: 'adjustment' };
    case 'other':
      return { ...base, kind: 'other' };
  }
}

/** The same in every report of Checkout.com's, so that the payout is one line whichever of them tells it. */
export const payoutIdentity = (payout: string): string => `payout/${payout}`;

type Movement = Extract<Breakdown, { is: 'movement' }>['kind'];

function kindOf(kind: Movement, isIn: boolean) {
  switch (kind) {
    case 'dispute':
      return isIn ? 'chargeback_reversal' : 'chargeback';
    // A captured payment that failed to clear goes back under the payment; a refund that failed comes back by itself.
    case 'returned':
      return isIn ? 'refund_reversal' : 'charge';
    default:
      return kind;
  }
}

/** The payer's own amount of the money; that of its costs is of no interest. Null: it is none in that currency. */
function payerOf({ is, rows }: Fold, gross: bigint): Payer | null {
  if (is.is !== 'movement' || gross === 0n) return {};
  let total = 0n;
  let currency: string | undefined;
  for (const row of rows) {
    const { payer } = row;
    if (payer === undefined || typeOf(row).is !== 'movement') continue;
    if (payer.amount === null) return null;
    total += payer.amount;
    currency = payer.currency;
  }
  return currency === undefined ? {} : { payer: { amount: total, currency } };
}

function keysOf(is: Breakdown, { action, payment, merchant, batch }: ActionRow): ReportLine['keys'] {
  if (is.is === 'payout' && batch !== UNBATCHED) return { source: batch, bank: batch };
  return {
    source: action,
    ...(payment === '' ? {} : { payment }),
    ...(merchant === '' ? {} : { merchant }),
  };
}

/** Checkout.com's: action and breakdown. Of money with its costs that of the money: which costs a report has with it depends on its days. */
function identityOf(rows: readonly ActionRow[], seen: Map<string, number>): string {
  const money = rows.filter((row) => !isCost(typeOf(row)));
  const named = money.length > 0 ? money : rows;
  const names = [...new Set(named.map(({ breakdown }) => breakdown))].sort();
  const action = rows[0]?.action ?? '';
  const whole = `${action}/${names.join('+')}`;
  const identity = whole.length > IDENTITY_MAX ? `${action}/${hashedIdentity(...names)}` : whole;
  const key = `${rows[0]?.batch ?? ''}/${identity}`;
  const times = (seen.get(key) ?? 0) + 1;
  seen.set(key, times);
  return times === 1 ? identity : `${identity}/${times}`;
}
