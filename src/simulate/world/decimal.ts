import { formatMajor } from '../../money.ts';
import type { LifeCurrency } from '../life.ts';

/** `12.50`, `-0.08`: major units, as most reports write them. */
export const major = (amount: bigint, { exponent }: Pick<LifeCurrency, 'exponent'>): string =>
  formatMajor(amount, exponent);

/** The same with half a minor unit more, away from nothing: `12.505`. */
export function majorAndHalf(amount: bigint, currency: Pick<LifeCurrency, 'exponent'>): string {
  return `${major(amount, currency)}${currency.exponent === 0 ? '.5' : '5'}`;
}

/** The same, and nothing for 0: unsigned columns of debits and credits. */
export const majorOrNothing = (amount: bigint, currency: Pick<LifeCurrency, 'exponent'>): string =>
  amount === 0n ? '' : major(amount, currency);

/** A field of a CSV file as RFC 4180 has it. */
export const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const csvRow = (fields: readonly string[], delimiter = ','): string => `${fields.map(quoted).join(delimiter)}\n`;
