import { createRandom, UPPER } from '../../random.ts';
import type { AccountWorld } from '../account-world.ts';
import { atBankAt, BANK_HOUR, hourOf } from '../world-account.ts';
import type { BankBooking, Statement } from './bank-entry.ts';

const OPENING = 100_000_000n;
const OTHERS = ['Rent Riverton Estates', 'Salaries', 'Office supplies 4711', 'Card terminal lease', 'Interest'];

/** The account's statements, one for of `days` days each, until the day before the world is looked at. Pure. */
export function statementsOf(world: AccountWorld, days: number): Statement[] {
  const { account } = world;
  const { currency, calendar, bank, dialect } = account;
  const bookings = bookingsOf(world);
  const made: Statement[] = [];
  let opening = OPENING * currency.step;
  for (let first = 1, number = 1; first < calendar.days; first += days, number += 1) {
    const last = Math.min(first + days - 1, calendar.days - 1);
    const [from, to] = [hourOf(account, first, BANK_HOUR), hourOf(account, last, BANK_HOUR)];
    const own = bookings.filter(({ at }) => at >= from && at <= to);
    const closing = own.reduce((sum, { amount }) => sum + amount, opening);
    made.push({
      account: bank.account,
      currency,
      number,
      from,
      to,
      opening,
      closing,
      bookings: own,
      zone: dialect.zone,
    });
    opening = closing;
  }
  return made;
}

function bookingsOf(world: AccountWorld): BankBooking[] {
  const { account, edits } = world;
  const { calendar, dialect, bank, currency } = account;
  const random = createRandom(`${account.seed}/bank`);
  const made: Omit<BankBooking, 'bankReference'>[] = [];
  for (let batch = 1; batch <= calendar.batches; batch += 1) {
    const payout = world.payout(batch);
    const edit = edits.bank.get(batch);
    if (payout === null || edit?.missing === true || (payout.fails && edit?.arrived !== true)) continue;
    const text = dialect.bankText(payout);
    made.push({
      at: atBankAt(account, batch),
      amount: payout.amount - (edit?.short ?? 0n),
      party: bank.word,
      ...(edit?.unnamed === true ? { endToEnd: null, text: `${bank.word} SETTLEMENT` } : text),
    });
  }
  for (let day = 1; day < calendar.days; day += 1) {
    // What has nothing to do with any processor; odd amounts, so that none is a payout by chance.
    const other = random.pick(OTHERS);
    const amount = BigInt(random.between(-90_000, 60_000)) * 7n * currency.step;
    if (amount !== 0n)
      made.push({ at: hourOf(account, day, BANK_HOUR), amount, endToEnd: null, text: other, party: other });
  }
  for (const { day, amount, text } of edits.bankLines)
    made.push({
      at: hourOf(account, day, BANK_HOUR),
      amount,
      endToEnd: null,
      text: `${bank.word} ${text}`,
      party: bank.word,
    });
  return made
    .filter(({ at }) => at <= hourOf(account, calendar.days - 1, BANK_HOUR))
    .sort((a, b) => a.at - b.at)
    .map((booking, index) => ({ ...booking, bankReference: `B${random.fork(index).text(11, UPPER)}` }));
}
