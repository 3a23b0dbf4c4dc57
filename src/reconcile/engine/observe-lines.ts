import { currencyExponent } from '../../currency.ts';
import { rounded } from '../../decimal-amount.ts';
import type { FeeTerm } from '../../providers/provider.ts';
import type { AccountRules } from './account-rules.ts';
import { differing } from './classify-pending.ts';
import type { Found } from './discrepancy-store.ts';
import { type Books, observation } from './observe-files.ts';
import type { ObservedLine } from './observed-lines-store.ts';

/** What one line says by itself: a fee beyond the contract, a rate that does not fit its amounts, what rounding took. */
export function observeLine(books: Books, line: ObservedLine, rules: AccountRules, settlement: string): Found[] {
  const about = {
    reference: line.reference ?? line.batch,
    currency: line.currency,
    occurredAt: line.booked_at.getTime(),
    evidence: { settlement, line: line.id, row: Number(line.row_no) },
  };
  if (line.kind === 'rounding')
    return [observation('rounding_residual', books, [line.id], { ...about, delta: line.net })];
  const found: Found[] = [];
  const agreed = agreedFee(line, rules);
  if (agreed !== null && line.fee > agreed)
    found.push(
      observation('fee_above_contract', books, [line.id], {
        ...about,
        delta: agreed - line.fee,
        differences: differing('fee', agreed, line.fee),
      }),
    );
  const off = fxDifference(line);
  if (off !== 0n) found.push(observation('fx_difference', books, [line.id], { ...about, delta: off }));
  return found;
}

/** What the contract says of a charge, rounded half to even to the minor unit; null where no term fits. */
export function agreedFee(line: ObservedLine, { feeContract }: Pick<AccountRules, 'feeContract'>): bigint | null {
  if (line.kind !== 'charge' || line.gross <= 0n) return null;
  const term = feeContract.find((one) => fits(one, line));
  if (term === undefined) return null;
  const [whole = '0', part = ''] = (term.percent ?? '0').split('.');
  // A percentage with so many decimals, of minor units.
  const rated = rounded({ units: line.gross * BigInt(whole + part), scale: 2 + part.length }, 0).minor;
  const fee = rated + BigInt(term.fixed ?? '0');
  const least = BigInt(term.minimum ?? '0');
  return fee > least ? fee : least;
}

const fits = (term: FeeTerm, line: ObservedLine): boolean =>
  term.currency === line.currency &&
  (term.payment_method === undefined || term.payment_method === line.payment_method) &&
  (term.from === undefined || term.from <= line.booked_on);

/** Gross less what the payer's amount comes to at the rate that is told, either way round; 0 within a minor unit. */
export function fxDifference(line: ObservedLine): bigint {
  const { other_amount: paid, other_currency: from, fx_rate: rate, gross, currency } = line;
  const [to, of] = [currencyExponent(currency), currencyExponent(from ?? '')];
  if (paid === null || rate === null || to === undefined || of === undefined || !/^\d+(\.\d+)?$/.test(rate)) return 0n;
  const [whole = '0', part = ''] = rate.split('.');
  const [numerator, denominator] = [BigInt(whole + part), 10n ** BigInt(part.length)];
  if (numerator === 0n) return 0n;
  const [up, down] = [10n ** BigInt(to), 10n ** BigInt(of)];
  const times = gross - awayFromZero(paid * numerator * up, denominator * down);
  const divided = gross - awayFromZero(paid * denominator * up, numerator * down);
  const off = absolute(times) < absolute(divided) ? times : divided;
  return absolute(off) <= 1n ? 0n : off;
}

/** Half away from zero. */
function awayFromZero(numerator: bigint, denominator: bigint): bigint {
  const sum = absolute(numerator) * 2n + denominator;
  const whole = sum / (denominator * 2n);
  return numerator < 0n ? -whole : whole;
}

const absolute = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
