import { localTime } from '../local-time.ts';
import type { BankBooking, Statement } from './bank-entry.ts';

/** BAI2 (X9.121): a group a day, because entries have no date of their own; amounts have no point, the currency says where it is. */
export function bai2(statements: readonly Statement[]): string {
  const lines: string[] = [];
  let control = 0n;
  for (const statement of statements) {
    const { account, currency, to, opening, closing, bookings, zone } = statement;
    const sum =
      opening + closing + bookings.reduce((total, { amount }) => total + (amount < 0n ? -amount : amount), 0n);
    control += sum;
    const records = bookings.length + 2;
    lines.push(
      `02,SHOP,SIMBANK,1,${shortDay(to, zone)},2359,${currency.code},2/`,
      `03,${account},${currency.code},010,${opening},,,015,${closing},,/`,
      ...bookings.map(entry),
      `49,${sum},${records}/`,
      `98,${sum},1,${records + 2}/`,
    );
  }
  const last = statements.at(-1);
  const day = last === undefined ? '260101' : shortDay(last.to, last.zone);
  const head = `01,SIMBANK,SHOP,${day},2330,${last?.number ?? 1},,,2/`;
  return `${[head, ...lines, `99,${control},${statements.length},${lines.length + 2}/`].join('\n')}\n`;
}

function entry({ amount, endToEnd, text, party, bankReference }: BankBooking): string {
  const [unsigned, code] = amount < 0n ? [-amount, '495'] : [amount, '195'];
  return `16,${code},${unsigned},Z,${bankReference},${endToEnd ?? ''},${party} ${text}`;
}

const shortDay = (ms: number, zone: string): string => localTime(ms, zone).slice(2, 10).replaceAll('-', '');
