import { major } from '../decimal.ts';
import { localTime } from '../local-time.ts';
import type { BankBooking, Statement } from './bank-entry.ts';

const LINE_CHARS = 65;

/** SWIFT MT940, tags only, as banks hand it to their customers. */
export function mt940(statement: Statement): string {
  const { account, number, from, to, opening, closing, bookings, zone } = statement;
  return [
    `:20:STMT${number}`,
    `:25:${account}`,
    `:28C:${String(number).padStart(5, '0')}/00001`,
    `:60F:${balance(opening, from, statement)}`,
    ...bookings.flatMap((booking) => entry(booking, statement)),
    `:62F:${balance(closing, to, statement)}`,
    `:64:${balance(closing, to, statement)}`,
    '-',
    '',
  ].join('\r\n');

  function entry({ at, amount, endToEnd, text, party, bankReference }: BankBooking, of: Statement): string[] {
    const [unsigned, mark] = amount < 0n ? [-amount, 'D'] : [amount, 'C'];
    const date = shortDay(at, zone);
    const references = endToEnd === null ? '' : `/EREF/${allowed(endToEnd)}`;
    const told = `${references}/NAME/${allowed(party)}/REMI/${allowed(text)}`;
    return [
      `:61:${date}${date.slice(2)}${mark}${comma(unsigned, of)}NTRFNONREF//${bankReference}`,
      `:86:${told.match(new RegExp(`.{1,${LINE_CHARS}}`, 'g'))?.join('\r\n') ?? ''}`,
    ];
  }
}

function balance(amount: bigint, at: number, statement: Statement): string {
  const [unsigned, mark] = amount < 0n ? [-amount, 'D'] : [amount, 'C'];
  return `${mark}${shortDay(at, statement.zone)}${statement.currency.code}${comma(unsigned, statement)}`;
}

/** A comma always, even where no decimals follow. */
function comma(amount: bigint, { currency }: Statement): string {
  const text = major(amount, currency).replace('.', ',');
  return text.includes(',') ? text : `${text},`;
}

const shortDay = (ms: number, zone: string): string => localTime(ms, zone).slice(2, 10).replaceAll('-', '');

/** SWIFT's character set x has no underscore. */
const allowed = (text: string): string => text.replaceAll(/[^A-Za-z0-9/?:().,'+ -]/g, '');
