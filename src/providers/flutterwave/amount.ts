import { createHash } from 'node:crypto';
import { currencyExponent } from '../../currency.ts';
import { PosternError } from '../../errors.ts';
import { type Json, textAt } from '../../exact-json.ts';
import { type Money, parseMajor } from '../../money.ts';
import { isoTime } from '../iso-time.ts';

/**
 * Amounts are JSON numbers in major units; their source text is what is read (developer.flutterwave.com/docs/webhooks).
 * Undefined where there is none.
 * @throws PosternError `currency_unknown`, `amount_invalid`
 */
export function moneyOf(text: string | undefined, currency: string): Money | undefined {
  if (text === undefined) return undefined;
  const exponent = currencyExponent(currency);
  if (exponent === undefined) {
    throw new PosternError('currency_unknown', `how many decimals "${currency.slice(0, 20)}" has is not known`);
  }
  const amount = parseMajor(text, exponent);
  if (amount < 0n) throw new PosternError('amount_invalid', `the amount ${text} is below zero`);
  return { amount, currency };
}

/** A fee, where it is a whole number of minor units; a computed 0.357 is left to the settlement, which rounds it. */
export function exactFeeOf(text: string | undefined, currency: string): Money | undefined {
  try {
    return moneyOf(text, currency);
  } catch (error) {
    if (error instanceof PosternError && error.code === 'amount_invalid') return undefined;
    throw error;
  }
}

/** ISO 8601, or unix seconds with a fraction as v4 also writes them: 1735116842.116. Unix ms. */
export function timeOf(text: string | undefined): number | undefined {
  const seconds = text === undefined ? null : /^(\d{10})(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds === null) return isoTime(text);
  return Number(seconds[1]) * 1000 + Number((seconds[2] ?? '').padEnd(3, '0').slice(0, 3));
}

/** Who was paid: the recipient's id, else a name made of the bank account, which itself belongs in no ledger path. */
export function payeeOf(transfer: Json): string | undefined {
  const recipient = textAt(transfer, 'recipient', 'id') ?? textAt(transfer, 'recipient_id');
  if (recipient !== undefined) return recipient;
  const account = textAt(transfer, 'account_number') ?? textAt(transfer, 'bank', 'account_number');
  if (account === undefined) return undefined;
  const bank = textAt(transfer, 'bank_code') ?? textAt(transfer, 'bank', 'code') ?? '';
  return `bank-${createHash('sha256').update(`${bank}/${account}`).digest('hex').slice(0, 16)}`;
}
