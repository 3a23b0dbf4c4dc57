import { expect, it } from 'vitest';
import { AT, captured } from '../ledger/books.ts';
import { type BankDay, mt940 } from '../support/bank-files.ts';
import { useBankWorld } from './bank-world.ts';
import { DAY } from './engine-world.ts';

const bank = useBankWorld();

/** Statements 11, 12, 13 … of the days from March 2nd on, each with one entry, each opening with what the one before closed with. */
function month(account: string, of: Partial<BankDay> = {}): string[] {
  return Array.from({ length: 5 }, (_, n) =>
    mt940({
      account,
      no: 11 + n,
      day: `2026-03-0${2 + n}`,
      opens: n * 500,
      entries: [{ id: `${account}${n}${of.currency ?? ''}`, amount: 500 }],
      ...of,
    }),
  );
}

const pick = (files: readonly string[], ...which: readonly number[]): string[] => which.map((n) => files[n] ?? '');

it('tells a statement that is missing between two, in whatever order they come, until it comes', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open({ bank_account: account });
  const files = month(account);
  expect(await bank.receive(...pick(files, 4, 0))).toEqual(['imported', 'imported']);
  await bank.world.catchUp();
  const gap = `missing_file ${account} S260306 (15/2026)`;
  expect(await books.discrepancies()).toEqual({ [gap]: 'open 0 EUR' });
  await bank.receive(...pick(files, 3, 1));
  await bank.world.catchUp();
  // What is before the 6th came; before the 5th something is missing still.
  const rest = `missing_file ${account} S260305 (14/2026)`;
  expect(await books.discrepancies()).toEqual({ [gap]: 'auto_cleared 0 EUR', [rest]: 'open 0 EUR' });
  const { rows } = await bank.database.sql.query(
    `select bank, evidence - 'after_file' - 'before_file' as evidence, suggested ->> 'action' as action, in_proof
     from postern.discrepancies where account = $1 and cleared_at is null`,
    [books.account],
  );
  expect(rows).toEqual([
    {
      bank: { amount: '500', first_at: '2026-03-03T00:00:00.000Z', last_at: '2026-03-05T00:00:00.000Z' },
      evidence: {
        bank_account: account,
        missing: '13',
        after: '2026-03-03T00:00:00.000Z',
        after_statement: 'S260303 (12/2026)',
        before: '2026-03-05T00:00:00.000Z',
        before_statement: 'S260305 (14/2026)',
        closing: '10.00 EUR',
        opening: '15.00 EUR',
        between: '5.00 EUR',
      },
      action: 'import_file',
      in_proof: false,
    },
  ]);
  await bank.receive(...pick(files, 2));
  await bank.world.catchUp();
  expect(await books.discrepancies()).toEqual({ [gap]: 'auto_cleared 0 EUR', [rest]: 'auto_cleared 0 EUR' });
});

it('tells an opening that contradicts the statement right before it, and nothing of one that was refused', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open({ bank_account: account });
  const files = month(account);
  await bank.receive(...pick(files, 0));
  expect(await bank.receive((files[1] ?? '').replace('C260303EUR5,00', 'C260303EUR6,00'))).toEqual(['failed']);
  await bank.world.catchUp();
  expect(await books.discrepancies()).toEqual({});
  const shifted = mt940({
    account,
    no: 12,
    day: '2026-03-03',
    opens: 499,
    entries: [{ id: `${account}x`, amount: 1 }],
  });
  expect(await bank.receive(shifted)).toEqual(['imported']);
  await bank.world.catchUp();
  expect(await books.discrepancies()).toEqual({ [`missing_file ${account} S260303 (12/2026)`]: 'open 0 EUR' });
});

it('sets each account and currency beside its own', async () => {
  const [first, second, bare] = [bank.newAccount(), bank.newAccount(), bank.newAccount()];
  const books = await bank.world.open({ bank_account: first });
  const unpaid = await bank.world.open();
  const usd = month(first, { currency: 'USD' });
  await bank.receive(...pick(month(first), 0, 1), ...pick(month(second), 0, 2), ...pick(month(bare), 0, 3));
  await bank.receive(pick(usd, 0, 3).join('').replaceAll('500', '5'));
  await bank.world.catchUp();
  // Of those the bank account of which nobody set nothing is judged.
  expect(await unpaid.discrepancies()).toEqual({});
  expect(await books.discrepancies()).toEqual({ [`missing_file ${first} S260305 (14/2026)`]: 'open 0 USD' });
});

it('tells it to each processor account that is paid there, however the setting spells the bank account', async () => {
  const [iban, old] = ['DE02120300000000202051', '12030000/202051'];
  const [one, two] = [
    await bank.world.open({ bank_account: iban }),
    await bank.world.open({ bank_account: old }, 'adyen'),
  ];
  await bank.receive(...pick(month(old), 0, 2));
  await bank.world.catchUp();
  for (const [books, spelled] of [
    [one, iban],
    [two, old],
  ] as const)
    expect(await books.discrepancies()).toEqual({ [`missing_file ${spelled} S260304 (13/2026)`]: 'open 0 EUR' });
});

it('shows nothing that waits for a line under a missing bank statement', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open({ bank_account: account, settlement_days: 1 });
  await books.announce(captured('waits', 100n));
  await bank.receive(...pick(month(account), 0, 4));
  bank.world.now = AT + 3 * DAY;
  await bank.world.catchUp();
  expect(await books.discrepancies()).toEqual({
    'missing_in_settlement waits gross': 'open -100 EUR',
    [`missing_file ${account} S260306 (15/2026)`]: 'open 0 EUR',
  });
});

it('leaves what a person explained as it is, while nothing changes', async () => {
  const account = bank.newAccount();
  const books = await bank.world.open({ bank_account: account });
  const files = month(account);
  await bank.receive(...pick(files, 0, 2));
  await bank.world.catchUp();
  await bank.database.sql.query(`update postern.discrepancies set status = 'resolved' where account = $1`, [
    books.account,
  ]);
  await bank.receive(...pick(files, 3));
  await bank.world.catchUp();
  expect(await books.discrepancies()).toEqual({ [`missing_file ${account} S260304 (13/2026)`]: 'resolved 0 EUR' });
});
