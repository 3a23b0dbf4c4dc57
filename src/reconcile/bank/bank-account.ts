import { accountText } from './entry-references.ts';

const GERMAN_IBAN = /^DE\d{2}(\d{8})(\d{10})$/;
const GERMAN_OLD = /^(\d{8})\/(\d{1,10})$/;

/**
 * How the readers may give the bank account of a setting: a German one both as an IBAN and, as MT940 still writes it, as
 * bank code and number, with and without leading zeros.
 */
export function spellingsOf(setting: string): string[] {
  const account = accountText(setting);
  const [, bank = '', told = ''] = GERMAN_IBAN.exec(account) ?? GERMAN_OLD.exec(account) ?? [];
  if (bank === '') return [account];
  const number = told.padStart(10, '0');
  return [
    `DE${checkDigits(bank, number)}${bank}${number}`,
    `${bank}/${number}`,
    `${bank}/${number.replace(/^0+/, '')}`,
  ];
}

/** ISO 13616: what makes the number with the country's letters as digits (D = 13, E = 14) 1 modulo 97. */
const checkDigits = (bank: string, number: string): string =>
  String(98n - (BigInt(`${bank}${number}131400`) % 97n)).padStart(2, '0');
