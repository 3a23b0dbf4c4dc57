import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zoneOfDay } from '../../src/ledger/accounting-day.ts';
import { createLedger } from '../../src/ledger/post.ts';
import { reverseTransaction } from '../../src/ledger/reversal.ts';
import { fromEvent } from '../../src/ledger/source.ts';
import type { Told } from '../../src/ledger/told.ts';
import { withTransaction } from '../../src/postgres/sql.ts';
import { uuidv7 } from '../../src/uuid.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { AT, bankLine, captured, line } from './books.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(() => database.sql.query('delete from postern.periods'));

const clock = { now: () => AT };
const ledger = createLedger({ clock });
let accounts = 0;

/** Posts in an account of its own; returns the transaction and the day it was accounted on. */
async function dayOf(told: Told, zone?: string): Promise<{ id: string; day: string }> {
  accounts += 1;
  const request = { source: fromEvent(uuidv7(AT)), provider: 'test', account: `day_${accounts}`, marketplace: null };
  const events = [told];
  const [result] = await withTransaction(database.appPool, (tx) =>
    ledger.post(tx, [{ ...request, events, ...(zone === undefined ? {} : { zone }) }]),
  );
  if (result?.kind !== 'posted') throw new Error(`not posted: ${JSON.stringify(result)}`);
  const { rows } = await database.sql.query<{ id: string; day: string }>(
    'select id, accounting_date::text as day from postern.transactions where id = $1',
    [result.transactions[0]],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('not there');
  return row;
}

const at = (iso: string): Told => ({ ...captured('p', 5n), at: Date.parse(iso) }) as Told;
const close = (first: string, last: string) =>
  database.sql.query('insert into postern.periods values ($1, $2, now())', [first, last]);

describe('the accounting date', () => {
  it.each([
    ['UTC where nobody says otherwise', '2026-03-05T23:59:59.999Z', undefined, '2026-03-05'],
    ['the next day east of UTC', '2026-03-05T23:30:00Z', 'Europe/Berlin', '2026-03-06'],
    ['the day before west of UTC', '2026-03-05T04:00:00Z', 'America/Los_Angeles', '2026-03-04'],
    ['a zone half an hour off', '2026-03-05T18:30:00Z', 'Asia/Kolkata', '2026-03-06'],
    ['a zone thirteen hours ahead', '2026-03-05T11:30:00Z', 'Pacific/Auckland', '2026-03-06'],
    // Clocks go forward at 01:00 UTC on 29 March: midnight is 23:00 UTC before it and 22:00 UTC after it.
    ['the last second of the day the clocks went forward', '2026-03-29T21:59:59Z', 'Europe/Berlin', '2026-03-29'],
    ['the first second after the day the clocks went forward', '2026-03-29T22:00:00Z', 'Europe/Berlin', '2026-03-30'],
    ['the last second before the day the clocks go forward', '2026-03-28T22:59:59Z', 'Europe/Berlin', '2026-03-28'],
    // And back on 25 October: that day has 25 hours.
    ['the first second of the day the clocks go back', '2026-10-24T22:00:00Z', 'Europe/Berlin', '2026-10-25'],
    ['the last second of the day the clocks went back', '2026-10-25T22:59:59Z', 'Europe/Berlin', '2026-10-25'],
    ['the first second after the day the clocks went back', '2026-10-25T23:00:00Z', 'Europe/Berlin', '2026-10-26'],
    // No midnight at all: clocks went from 00:00 to 01:00.
    ['a day that began at one', '2018-11-04T03:00:00Z', 'America/Sao_Paulo', '2018-11-04'],
  ])('is the day in its account’s zone: %s', async (_name, iso, zone, day) => {
    expect(await dayOf(at(iso), zone)).toMatchObject({ day });
  });

  it('of a line is the day in its report’s zone, whatever its account’s is', async () => {
    const told = line('charge', 'l', {
      reference: 'p',
      gross: 5n,
      at: Date.parse('2026-03-05T04:00:00Z'),
      zone: 'America/Los_Angeles',
    });
    expect(await dayOf(told, 'Asia/Tokyo')).toMatchObject({ day: '2026-03-04' });
  });

  it('of a bank line is its booking date', async () => {
    const told = { ...bankLine('b', 'po', 5n), at: Date.parse('2026-03-04T23:00:00Z'), zone: 'Europe/Berlin' };
    expect(await dayOf(told)).toMatchObject({ day: '2026-03-05' });
  });

  it('is the first open day where that day is closed, and effective_at stays', async () => {
    await close('2026-01-01', '2026-03-31');
    const { id, day } = await dayOf(at('2026-03-05T12:00:00Z'), 'Europe/Berlin');
    expect(day).toBe('2026-04-01');
    const { rows } = await database.sql.query<{ at: Date }>(
      'select effective_at as at from postern.transactions where id = $1',
      [id],
    );
    expect(rows).toEqual([{ at: new Date('2026-03-05T12:00:00Z') }]);
  });

  it('goes by the account’s day where a period ends in the middle of a UTC day', async () => {
    await close('2026-03-01', '2026-03-31');
    // In Berlin it is April already.
    expect(await dayOf(at('2026-03-31T22:30:00Z'), 'Europe/Berlin')).toMatchObject({ day: '2026-04-01' });
    // In Los Angeles it is still March, which is closed.
    expect(await dayOf(at('2026-04-01T02:00:00Z'), 'America/Los_Angeles')).toMatchObject({ day: '2026-04-01' });
  });
});

it('knows every zone that a setting may name in the database too', async () => {
  const { rows } = await database.sql.query<{ name: string }>('select name from pg_timezone_names');
  const known = new Set(rows.map(({ name }) => name));
  expect(Intl.supportedValuesOf('timeZone').filter((name) => !known.has(name))).toEqual([]);
});

describe('a reversal', () => {
  async function reversalDay(id: string): Promise<string> {
    const order = { id, actor: 'cli:test', reason: 'test' };
    const result = await withTransaction(database.appPool, (tx) => reverseTransaction(tx, order, { clock }));
    if (result.kind !== 'reversed') throw new Error(result.message);
    return result.transaction.accountingDate;
  }

  it.each([
    ['2026-03-05T12:00:00Z', 'UTC'],
    ['2026-03-05T23:30:00Z', 'Europe/Berlin'],
    ['2026-03-05T10:30:00Z', 'Pacific/Kiritimati'],
    ['2026-03-05T23:59:59Z', 'Pacific/Kiritimati'],
    ['2026-03-05T04:00:00Z', 'America/Los_Angeles'],
    ['2026-03-05T11:30:00Z', 'Pacific/Pago_Pago'],
    ['2026-03-05T00:00:00Z', 'America/St_Johns'],
    ['2026-03-05T11:00:00Z', 'Pacific/Auckland'],
  ])('goes to the day of what it takes back: %s in %s', async (iso, zone) => {
    const { id, day } = await dayOf(at(iso), zone);
    expect(await reversalDay(id)).toBe(day);
  });

  it('goes to the oldest open period where that day was closed since: the closed one stays as it was', async () => {
    const { id, day } = await dayOf(at('2026-03-05T23:30:00Z'), 'Europe/Berlin');
    expect(day).toBe('2026-03-06');
    await close('2026-03-01', '2026-03-31');
    expect(await reversalDay(id)).toBe('2026-04-01');
    const { rows } = await database.sql.query<{ sum: string }>(
      `select sum(p.amount)::text as sum from postern.postings p join postern.transactions t on t.id = p.transaction_id
       join postern.accounts a on a.id = p.account_id
       where a.path = $1 and t.accounting_date <= '2026-03-31'`,
      [`asset:processor_pending:test:day_${accounts}`],
    );
    expect(rows).toEqual([{ sum: '5' }]);
  });

  it('follows what was itself sent on by a close', async () => {
    await close('2026-03-01', '2026-03-31');
    const { id, day } = await dayOf(at('2026-03-31T05:00:00Z'));
    expect(day).toBe('2026-04-01');
    expect(await reversalDay(id)).toBe('2026-04-01');
    await close('2026-04-01', '2026-04-30');
    const later = await dayOf(at('2026-03-31T05:00:00Z'));
    expect(await reversalDay(later.id)).toBe('2026-05-01');
  });

  it('needs no zone for a day that is no neighbour', () => {
    expect(zoneOfDay(AT, '2026-03-05')).toBeNull();
    expect(zoneOfDay(AT, '2026-05-01')).toBeNull();
    // Before 1970 days count backwards.
    expect(zoneOfDay(Date.UTC(1969, 11, 31, 12), '1969-12-31')).toBeNull();
    expect(zoneOfDay(Date.UTC(1969, 11, 31, 12), '1970-01-01')).toBe('Etc/GMT-14');
  });
});
