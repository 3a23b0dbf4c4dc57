import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../../../src/ledger/post.ts';
import { withTransaction } from '../../../src/postgres/sql.ts';
import { uuidv7 } from '../../../src/uuid.ts';
import { derivedDifferences } from '../../ledger/books.ts';
import type { TestDatabase } from '../../support/database.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openReports, type Reports } from '../../support/reports.ts';
import { STUB_AT, type StubItem, type StubLine, stubFile } from '../../support/stub-report.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  expect(await stagings()).toEqual([]);
  await database.drop();
});

async function stagings(): Promise<unknown[]> {
  const { rows } = await database.sql.query(
    `select relname from pg_class where relname ~ '^staged_[0-9a-f]+$' and relkind = 'r'`,
  );
  return rows;
}

async function settlement(id: string | undefined): Promise<Record<string, unknown>> {
  const { rows } = await database.sql.query('select * from postern.settlements where id = $1', [id]);
  return rows[0] ?? {};
}

async function count(account: string): Promise<{ lines: number; transactions: number }> {
  const { rows } = await database.sql.query<{ lines: number; transactions: number }>(
    `select (select count(*)::int4 from postern.settlement_lines where account = $1) as lines,
       (select count(*)::int4 from postern.transactions where starts_with(effect_key, 'stripe:' || $1 || ':')) as transactions`,
    [account],
  );
  return rows[0] ?? { lines: -1, transactions: -1 };
}

const CHARGE: StubItem = { kind: 'charge', id: 'l1', about: 'p1', gross: 1000, fee: 29 };
const SECOND: StubItem = { kind: 'charge', id: 'l2', about: 'p2', gross: 500 };
const REFUND: StubItem = { kind: 'refund', id: 'l3', about: 'r1', gross: -300 };
const payout = (gross: number): StubLine => ({ kind: 'payout', id: 'l4', about: 'po_1', gross });
const CLOSES: StubItem = { type: 'batch', batch: 'B1', opening: 0, closing: 0, number: 1 };
const BATCH: readonly StubItem[] = [CHARGE, SECOND, REFUND, payout(-1171), CLOSES];
const BOOKS = {
  'asset:processor_pending [p1 gross] EUR': '-1000',
  'asset:processor_pending [p2 gross] EUR': '-500',
  'asset:processor_pending [r1 gross] EUR': '300',
  'asset:bank_in_transit [po_1] EUR': '1171',
  'expense:processing_fees EUR': '29',
};

describe('a report that is right', () => {
  it('is kept, posted and counted', async () => {
    const reports = await openReports(database);
    const imported = await reports.items(BATCH);
    expect(imported).toMatchObject({ kind: 'imported', linesNew: 4, removed: 0 });
    expect(await reports.balances()).toEqual(BOOKS);
    const { rows } = await database.sql.query('select * from postern.settlement_batches where settlement_id = $1', [
      imported.id,
    ]);
    expect(rows).toMatchObject([
      { batch: 'B1', lines: 4n, gross: '1200', fee: '29', net: '1171', payout: '-1171', closing: '0', is_stated: true },
    ]);
    expect(await settlement(imported.id)).toMatchObject({
      status: 'imported',
      lines: 4n,
      lines_new: 4n,
      fault_count: 0,
    });
  });

  it('is the same import when its bytes come again, also while it is being imported', async () => {
    const reports = await openReports(database);
    const [one, two] = await Promise.all([reports.items(BATCH), reports.items(BATCH)]);
    expect([one.kind, two.kind].sort()).toEqual(['imported', 'repeated']);
    expect(one.id).toBeDefined();
    const again = await reports.items(BATCH);
    expect(again).toMatchObject({ kind: 'repeated' });
    expect(await reports.balances()).toEqual(BOOKS);
    const { rows } = await database.sql.query('select repeated from postern.settlements where account = $1', [
      reports.account,
    ]);
    expect(rows).toEqual([{ repeated: 2 }]);
  });

  it('changes nothing when it comes with another column, whatever else stands in it', async () => {
    const reports = await openReports(database);
    await reports.items(BATCH);
    const before = await count(reports.account);
    const wider = BATCH.map((item) => (typeof item === 'string' || 'batch' in item ? item : { ...item, extra: 'x' }));
    expect(await reports.items(wider)).toMatchObject({ kind: 'imported', linesNew: 0, comparison: { again: 4 } });
    expect(await count(reports.account)).toEqual(before);
    expect(await reports.balances()).toEqual(BOOKS);
  });

  it('may overlap with another, and come in parts in any order', async () => {
    for (const files of [
      [
        [CHARGE, SECOND],
        [SECOND, REFUND, payout(-1171)],
      ],
      [[payout(-1171), REFUND], [CHARGE], [SECOND, CHARGE]],
    ]) {
      const reports = await openReports(database);
      for (const file of files) expect(await reports.items(file)).toMatchObject({ kind: 'imported' });
      expect(await reports.balances()).toEqual(BOOKS);
      expect((await count(reports.account)).lines).toBe(4);
    }
  });

  it('has the same batch in two files at once only once', async () => {
    const reports = await openReports(database);
    const both = await Promise.all([reports.items(BATCH), reports.items([...BATCH].reverse())]);
    expect(both.map(({ kind }) => kind)).toEqual(['imported', 'imported']);
    expect(await reports.balances()).toEqual(BOOKS);
    expect((await count(reports.account)).lines).toBe(4);
  });

  it('of a control is kept and not posted', async () => {
    const reports = await openReports(database);
    await reports.file(stubFile(BATCH, '#control'));
    expect(await reports.balances()).toEqual({});
    expect(await count(reports.account)).toEqual({ lines: 4, transactions: 0 });
  });
});

describe('a report that is wrong', () => {
  it('posts nothing for one row that cannot be read, and tells each of them with its line', async () => {
    const reports = await openReports(database);
    const failed = await reports.items([...BATCH, 'not to be read', 'not to be read']);
    expect(failed).toMatchObject({ kind: 'failed', examined: { faults: { count: 2 } } });
    expect(await reports.balances()).toEqual({});
    expect(await count(reports.account)).toEqual({ lines: 0, transactions: 0 });
    const { rows } = await database.sql.query(
      'select kind, row_no, value, reason from postern.settlement_faults where settlement_id = $1 order by no',
      [failed.id],
    );
    expect(rows).toEqual([
      { kind: 'unreadable', row_no: 7n, value: 'not to be read', reason: 'must be an item' },
      { kind: 'unreadable', row_no: 8n, value: 'not to be read', reason: 'must be an item' },
    ]);
    expect(await settlement(failed.id)).toMatchObject({ status: 'failed', fault_count: 2 });
  });

  it('is not taken for a reason either while a row of it cannot be read', async () => {
    const reports = await openReports(database);
    const failed = await reports.items([...BATCH, 'not to be read'], { acceptDifference: 'never mind' });
    expect(failed.kind).toBe('failed');
    expect(await reports.balances()).toEqual({});
  });

  it('keeps a thousand faults and counts the rest', async () => {
    const reports = await openReports(database);
    const failed = await reports.items(Array.from({ length: 1_500 }, () => 'not to be read' as const));
    expect(await settlement(failed.id)).toMatchObject({ fault_count: 1_500 });
    const { rows } = await database.sql.query(
      'select count(*)::int4 as n from postern.settlement_faults where settlement_id = $1',
      [failed.id],
    );
    expect(rows).toEqual([{ n: 1_000 }]);
  });

  it.each([
    ['a batch that does not close', [CHARGE, payout(-970), CLOSES], /off by 1/],
    ['a line that contradicts itself', [{ ...(CHARGE as object), kind: 'fee', fee: 5 } as StubItem], /gross of a fee/],
    ['a line of nothing', [{ kind: 'charge', id: 'l9', gross: 5 } as StubItem], /what it is about/],
    ['an amount past 64 bits', [{ ...CHARGE, gross: '9223372036854775808', fee: 0 } as StubItem], /64 bits/],
    ['a reference nobody could index', [{ ...CHARGE, about: 'p'.repeat(700) } as StubItem], /over 600/],
    ['a row without end', [{ ...CHARGE, extra: 'x'.repeat(300_000) } as StubItem], /over 262144/],
    ['one line told in two ways', [CHARGE, { ...CHARGE, gross: 1001 } as StubItem], /stands in row 2/],
    [
      'what its reader found',
      [CHARGE, { type: 'fault', kind: 'contradiction', reason: 'count of 2' } as StubItem],
      /count/,
    ],
  ])('fails for %s', async (_, items, reason) => {
    const reports = await openReports(database);
    const failed = await reports.items(items);
    expect(failed.kind).toBe('failed');
    const { rows } = await database.sql.query<{ reason: string }>(
      'select reason from postern.settlement_faults where settlement_id = $1',
      [failed.id],
    );
    expect(rows.map((row) => row.reason).join()).toMatch(reason);
    expect(await reports.balances()).toEqual({});
  });

  it('can be handed in again once it is mended', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-970), CLOSES]);
    expect(await reports.items([CHARGE, payout(-971), CLOSES])).toMatchObject({ kind: 'imported' });
  });

  it('is taken with its difference for a reason, which stays open and in the audit log', async () => {
    const reports = await openReports(database);
    const imported = await reports.items([CHARGE, payout(-970), CLOSES], {
      acceptDifference: 'Adyen confirmed by mail',
    });
    expect(imported).toMatchObject({ kind: 'imported' });
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [B1] EUR': '1' });
    expect(await settlement(imported.id)).toMatchObject({
      fault_count: 1,
      accepted_difference: 'Adyen confirmed by mail',
    });
    const { rows } = await database.sql.query(
      'select actor, action, reason from postern.audit_log where subject = $1',
      [`settlement:${imported.id}`],
    );
    expect(rows).toEqual([{ actor: 'test', action: 'settlement.import', reason: 'Adyen confirmed by mail' }]);
  });

  it('leaves no reason behind where there was nothing to accept', async () => {
    const reports = await openReports(database);
    const imported = await reports.items(BATCH, { acceptDifference: 'just in case' });
    expect(await settlement(imported.id)).toMatchObject({ accepted_difference: null });
  });

  it.each([
    ['an Excel workbook', 'PK\u0003\u0004 and so on', /CSV/],
    ['an empty file', '', /empty/],
    ['another processor’s report', 'Company Account,Merchant Account\n', /none of the reports of Stripe/],
  ])('is refused as %s', async (_, text, message) => {
    const reports = await openReports(database);
    await expect(reports.file(text)).rejects.toThrow(message);
    const { rows } = await database.sql.query('select 1 from postern.settlements where account = $1', [
      reports.account,
    ]);
    expect(rows).toEqual([]);
  });

  it('is refused over the limit of bytes, and breaks off without a trace', async () => {
    const reports = await openReports(database);
    await expect(reports.items(Array(3000).fill(CHARGE), { bytesMax: 70_000 })).rejects.toThrow(/over 70000 bytes/);
    expect(await count(reports.account)).toEqual({ lines: 0, transactions: 0 });
  });

  it('keeps nothing of a dry run', async () => {
    const reports = await openReports(database);
    expect(await reports.items(BATCH, { dryRun: true })).toMatchObject({
      kind: 'dry_run',
      examined: { lines: 4, batches: [{ difference: 0n }] },
    });
    expect(await count(reports.account)).toEqual({ lines: 0, transactions: 0 });
    const { rows } = await database.sql.query('select 1 from postern.settlements where account = $1', [
      reports.account,
    ]);
    expect(rows).toEqual([]);
  });
});

describe('an amended report', () => {
  it('corrects what was added, removed and changed, and opens only their items', async () => {
    const reports = await openReports(database);
    const first = await reports.items(BATCH);
    const amended = await reports.items([
      { ...CHARGE, gross: 1100, fee: 30 } as StubItem,
      REFUND,
      { kind: 'charge', id: 'l5', about: 'p5', gross: 401 },
      payout(-1171),
      CLOSES,
    ]);
    expect(amended).toMatchObject({ kind: 'imported', linesNew: 2, removed: 1, comparison: { changed: 1, again: 2 } });
    expect(await reports.balances()).toEqual({
      'asset:processor_pending [p1 gross] EUR': '-1100',
      'asset:processor_pending [p5 gross] EUR': '-401',
      'asset:processor_pending [r1 gross] EUR': '300',
      'asset:bank_in_transit [po_1] EUR': '1171',
      'expense:processing_fees EUR': '30',
    });
    expect(await settlement(first.id)).toMatchObject({ status: 'amended' });
    expect(await settlement(amended.id)).toMatchObject({ status: 'imported', supersedes: first.id });
    // The version before is not the newest news.
    expect(await reports.items(BATCH)).toMatchObject({ kind: 'repeated', id: first.id });
  });

  it('may take a line out and bring it back', async () => {
    const reports = await openReports(database);
    const close = (closing: number): StubItem => ({ type: 'batch', batch: 'B1', opening: 0, closing });
    await reports.items([CHARGE, SECOND, close(1471)]);
    expect(await reports.items([CHARGE, close(971)])).toMatchObject({ removed: 1 });
    expect(await reports.items([SECOND, CHARGE, close(1471)])).toMatchObject({ linesNew: 1 });
    expect(await reports.balances()).toEqual({
      'asset:processor_pending [p1 gross] EUR': '-1000',
      'asset:processor_pending [p2 gross] EUR': '-500',
      'asset:processor_balance [B1] EUR': '1471',
      'expense:processing_fees EUR': '29',
    });
  });

  it('takes nothing out where it does not have the batch whole', async () => {
    const reports = await openReports(database);
    await reports.items(BATCH);
    await reports.items([CHARGE, { type: 'batch', batch: 'B1' }]);
    expect(await reports.balances()).toEqual(BOOKS);
  });
});

describe('the currency of what contradicts', () => {
  async function faultsOf(items: readonly StubItem[], head?: string): Promise<unknown[]> {
    const reports = await openReports(database);
    const { id } = await reports.file(stubFile(items, head));
    const { rows } = await database.sql.query(
      'select batch, currency, difference from postern.settlement_faults where settlement_id = $1 order by no',
      [id],
    );
    return rows;
  }
  const told = (batch?: string): StubItem => ({
    type: 'fault',
    kind: 'contradiction',
    reason: 'r',
    ...(batch === undefined ? {} : { batch }),
  });
  const closes = (batch: string, currency: string, closing: number): StubItem => ({
    type: 'batch',
    batch,
    currency,
    opening: 0,
    closing,
  });
  const DOLLARS: StubItem = { ...SECOND, id: 'd2', batch: 'B2', currency: 'USD' };

  it('is that of the balance that does not close, with what it is off by; also of a control', async () => {
    for (const head of ['#stub', '#control'])
      expect(await faultsOf([SECOND, closes('B1', 'EUR', 530), DOLLARS, closes('B2', 'USD', 400)], head)).toEqual([
        { batch: 'B1', currency: 'EUR', difference: '-30' },
        { batch: 'B2', currency: 'USD', difference: '100' },
      ]);
  });

  it('is that of its batch, else of the file, and of how much nobody knows', async () => {
    expect(await faultsOf([SECOND, DOLLARS, told('B2')])).toEqual([{ batch: 'B2', currency: 'USD', difference: null }]);
    expect(await faultsOf([SECOND, told()])).toEqual([{ batch: null, currency: 'EUR', difference: null }]);
  });

  it('is none where there are several, or no row was understood', async () => {
    const none = { currency: null, difference: null };
    expect(await faultsOf([SECOND, DOLLARS, told()])).toEqual([{ batch: null, ...none }]);
    expect(await faultsOf([SECOND, { ...DOLLARS, batch: 'B1' } as StubItem, told('B1')])).toEqual([
      { batch: 'B1', ...none },
    ]);
    expect(await faultsOf([SECOND, 'not to be read'])).toEqual([{ batch: null, ...none }]);
  });
});

describe('a payout that only a report told', () => {
  const close = (closing: number, batch = 'B1'): StubItem => ({ type: 'batch', batch, opening: 0, closing });
  const back = (id: string, about = 'po_1'): StubItem => ({ kind: 'payout_reversal', id, about, gross: 971 });
  const SETTLED = { 'asset:processor_pending [p1 gross] EUR': '-1000', 'expense:processing_fees EUR': '29' };

  /** Tells an event of the payout, as a webhook does. */
  async function announce(
    reports: Reports,
    type: 'payout.created' | 'payout.returned',
    amount: bigint,
    payout = 'po_1',
  ) {
    const ledger = createLedger({ clock: { now: () => STUB_AT } });
    const event = uuidv7(STUB_AT);
    const told = { type, key: `${payout}:${type.slice(7)}`, at: STUB_AT, payout, amount, currency: 'EUR' } as const;
    return withTransaction(database.appPool, async (tx) => {
      const source = { event, line: null, request: null, cause: null };
      return ledger.post(tx, [
        { source, provider: 'stripe', account: reports.account, marketplace: null, events: [told] },
      ]);
    });
  }

  it('is taken back with its line', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-971), close(0)]);
    expect(await reports.items([CHARGE, close(971)])).toMatchObject({ kind: 'imported', removed: 1 });
    expect(await reports.balances()).toEqual({ ...SETTLED, 'asset:processor_balance [B1] EUR': '971' });
  });

  it('is told anew by whoever tells it later: the report, or a webhook', async () => {
    const reports = await openReports(database);
    const paid = { ...SETTLED, 'asset:bank_in_transit [po_1] EUR': '971' };
    await reports.items([CHARGE, payout(-971), close(0)]);
    await reports.items([CHARGE, close(971)]);
    expect(await reports.items([payout(-971), CHARGE, close(0)])).toMatchObject({ linesNew: 1 });
    expect(await reports.balances()).toEqual(paid);
    // The version that came back goes too.
    await reports.items([{ ...CHARGE, extra: 'x' } as StubItem, close(971)]);
    expect(await reports.balances()).toEqual({ ...SETTLED, 'asset:processor_balance [B1] EUR': '971' });
    expect(await announce(reports, 'payout.created', 971n)).toMatchObject([{ kind: 'posted', replayed: false }]);
    expect(await announce(reports, 'payout.created', 971n)).toMatchObject([{ kind: 'posted', replayed: true }]);
    expect(await reports.balances()).toEqual({
      ...paid,
      'asset:processor_balance [B1] EUR': '971',
      'asset:processor_balance [po_1] EUR': '-971',
    });
  });

  it('has the amount of the last version of the report, and a webhook is compared with that', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-970), close(1)]);
    expect(await reports.items([CHARGE, payout(-971), close(0)])).toMatchObject({ comparison: { changed: 1 } });
    expect(await reports.balances()).toEqual({ ...SETTLED, 'asset:bank_in_transit [po_1] EUR': '971' });
    expect(await announce(reports, 'payout.created', 970n)).toMatchObject([{ kind: 'conflict' }]);
    expect(await announce(reports, 'payout.created', 971n)).toMatchObject([{ kind: 'posted', replayed: true }]);
  });

  it('goes from one payout to another', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-971), close(0)]);
    await reports.items([CHARGE, { ...payout(-971), about: 'po_2' } as StubItem, close(0)]);
    expect(await reports.balances()).toEqual({ ...SETTLED, 'asset:bank_in_transit [po_2] EUR': '971' });
  });

  it('is not posted anew where only something else of its line is told otherwise', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-971), close(0)]);
    const later = { ...payout(-971), fee: 5 } as StubItem;
    await reports.items([CHARGE, later, close(-5)]);
    const { rows } = await database.sql.query(
      `select effect_key from postern.transactions where starts_with(effect_key, 'stripe:' || $1 || ':po_1:')`,
      [reports.account],
    );
    expect(rows).toEqual([{ effect_key: `stripe:${reports.account}:po_1:created` }]);
  });

  it('stays where a webhook announced it, before or after', async () => {
    for (const when of ['before', 'after']) {
      const reports = await openReports(database);
      if (when === 'before') await announce(reports, 'payout.created', 971n);
      await reports.items([CHARGE, payout(-971), close(0)]);
      if (when === 'after') await announce(reports, 'payout.created', 971n);
      await reports.items([CHARGE, close(971)]);
      expect(await reports.balances()).toEqual({
        ...SETTLED,
        'asset:bank_in_transit [po_1] EUR': '971',
        'asset:processor_balance [B1] EUR': '971',
        'asset:processor_balance [po_1] EUR': '-971',
      });
    }
  });

  it('stays while a line of another file tells it', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-971), close(0)]);
    await reports.items([{ kind: 'payout', id: 'x1', about: 'po_1', gross: -971, batch: 'B2' }, close(-971, 'B2')]);
    await reports.items([CHARGE, close(971)]);
    expect(await reports.balances()).toMatchObject({ 'asset:bank_in_transit [po_1] EUR': '971' });
    await reports.items([SECOND, { ...SECOND, id: 'l9', batch: 'B2' } as StubItem, close(500, 'B2')]);
    expect(await reports.balances()).not.toHaveProperty(['asset:bank_in_transit [po_1] EUR']);
  });

  it('is what another file tells where the one that told it first goes', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-970), close(1)]);
    await reports.items([{ kind: 'payout', id: 'x1', about: 'po_1', gross: -971, batch: 'B2' }, close(-971, 'B2')]);
    expect(await reports.balances()).toMatchObject({ 'asset:bank_in_transit [po_1] EUR': '970' });
    await reports.items([CHARGE, close(971)]);
    expect(await reports.balances()).toMatchObject({ 'asset:bank_in_transit [po_1] EUR': '971' });
  });

  it('is on its way again where the line goes that told it came back', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-971), back('l5'), close(971)]);
    expect(await reports.balances()).toEqual({ ...SETTLED, 'asset:processor_balance [B1] EUR': '971' });
    await reports.items([CHARGE, payout(-971), close(0)]);
    expect(await reports.balances()).toEqual({ ...SETTLED, 'asset:bank_in_transit [po_1] EUR': '971' });
    expect(await announce(reports, 'payout.returned', 971n)).toMatchObject([{ kind: 'posted', replayed: false }]);
    expect(await reports.balances()).not.toHaveProperty(['asset:bank_in_transit [po_1] EUR']);
  });

  it('and came back is neither where both its lines go', async () => {
    const reports = await openReports(database);
    await reports.items([CHARGE, payout(-971), back('l5'), close(971)]);
    await reports.items([CHARGE, { ...CHARGE, id: 'l7', about: 'p7' } as StubItem, close(1942)]);
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [B1] EUR': '1942' });
    expect(Object.keys(await reports.balances()).filter((place) => place.includes('po_1'))).toEqual([]);
  });
});

describe('a line', () => {
  it('that names its batch later moves only the balance', async () => {
    const reports = await openReports(database);
    await reports.items([{ ...CHARGE, batch: '' } as StubItem]);
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [unpaid] EUR': '971' });
    const before = await count(reports.account);
    expect(await reports.items([CHARGE])).toMatchObject({ comparison: { moved: 1 }, linesNew: 0 });
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [B1] EUR': '971' });
    expect(await count(reports.account)).toEqual({ ...before, transactions: before.transactions + 1 });
    // An older report comes after it.
    await reports.items([{ ...CHARGE, batch: '', extra: 'older' } as StubItem]);
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [B1] EUR': '971' });
  });

  it('without an id is as many lines as there are rows of it', async () => {
    const reports = await openReports(database);
    const fee: StubItem = { kind: 'fee', id: '#abc', fee: 7 };
    expect(await reports.items([fee, fee, fee])).toMatchObject({ linesNew: 3 });
    expect(await reports.items([fee, fee, fee, CHARGE])).toMatchObject({ linesNew: 1 });
    expect(await reports.balances()).toMatchObject({ 'expense:processing_fees EUR': '50' });
  });

  it('told twice under its own id is one', async () => {
    const reports = await openReports(database);
    expect(await reports.items([CHARGE, CHARGE])).toMatchObject({ kind: 'imported', linesNew: 1 });
  });

  it('of before the first day leaves nothing open', async () => {
    const reports = await openReports(database, { live_from: '2026-03-05', time_zone: 'Europe/Berlin' });
    const midnight = Date.UTC(2026, 2, 4, 23);
    await reports.items([
      { ...CHARGE, occurredAt: midnight - 1 } as StubItem,
      { ...SECOND, occurredAt: midnight } as StubItem,
      { ...REFUND, at: midnight - 1, payer: { amount: -250, currency: 'USD' } } as StubItem,
    ]);
    expect(await reports.balances()).toEqual({
      'asset:processor_pending [p2 gross] EUR': '-500',
      'asset:processor_balance [B1] EUR': '1171',
      'asset:fx_position EUR': '300',
      'asset:fx_position USD': '-250',
      'equity:opening_balances EUR': '-1000',
      'equity:opening_balances USD': '250',
      'expense:processing_fees EUR': '29',
    });
  });
});

describe('rounding', () => {
  const third = (id: string): StubItem => ({ kind: 'charge', id, about: id, gross: 33, residue: '0.333' });

  it('takes what lines rounded to minor units leave, as a line of its own', async () => {
    const reports = await openReports(database);
    const imported = await reports.items([third('a'), third('b'), third('c'), payout(-100), CLOSES]);
    expect(imported).toMatchObject({ kind: 'imported', linesNew: 5 });
    expect(await reports.balances()).toMatchObject({ 'expense:rounding EUR': '-1' });
    expect(await reports.balances()).not.toHaveProperty('asset:processor_balance [B1] EUR');
  });

  it('takes no more than half a unit a line that was rounded', async () => {
    const reports = await openReports(database);
    expect((await reports.items([third('a'), third('b'), third('c'), payout(-101), CLOSES])).kind).toBe('failed');
    expect((await reports.items([CHARGE, SECOND, payout(-1470), CLOSES])).kind).toBe('failed');
  });
});

describe('an account that is paid out by hand', () => {
  const opening = (amount: number, neighbour: string | null = null): StubItem => ({
    ...{ type: 'settlement.opening', batch: 'P2', neighbour, amount },
  });
  const closing = (amount: number): StubItem => ({ type: 'settlement.closing', batch: 'P2', neighbour: 'P3', amount });
  const inP2 = (item: StubItem): StubItem => ({ ...(item as object), batch: 'P2' }) as StubItem;

  it('begins and ends its period with what the report says', async () => {
    const reports = await openReports(database, { settlement_mode: 'balance' });
    await reports.items([opening(50, 'P1'), inP2(SECOND), closing(550)]);
    expect(await reports.balances()).toEqual({
      'asset:processor_balance [carry:P1>P2] EUR': '-50',
      'asset:processor_balance [carry:P2>P3] EUR': '550',
      'asset:processor_pending [p2 gross] EUR': '-500',
    });
  });

  it.each([
    ['on the day it went live came before us', { live_from: '2026-03-05' }, 'equity:opening_balances EUR'],
    [
      'later is what the period before handed on',
      { live_from: '2026-03-04' },
      'asset:processor_balance [carry:P1>P2] EUR',
    ],
  ])('opens: what was there %s', async (_, live, from) => {
    const reports = await openReports(database, { settlement_mode: 'balance', ...live });
    const first = { ...(opening(50, 'P1') as object), at: Date.UTC(2026, 2, 5) } as StubItem;
    await reports.items([first, inP2(SECOND), closing(550)]);
    expect(await reports.balances()).toMatchObject({ [from]: '-50' });
  });

  it('has its closing corrected by a later report of the period', async () => {
    const reports = await openReports(database, { settlement_mode: 'balance' });
    await reports.items([opening(0), inP2(SECOND), closing(540)]);
    await reports.items([opening(0), inP2(SECOND), closing(500)]);
    expect(await reports.balances()).toEqual({
      'asset:processor_balance [carry:P2>P3] EUR': '500',
      'asset:processor_pending [p2 gross] EUR': '-500',
    });
    // And back.
    await reports.items([inP2(SECOND), opening(0), closing(540)]);
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [carry:P2>P3] EUR': '540' });
  });

  it('has its closing computed where the report states none, from all files of the period', async () => {
    const reports = await openReports(database, { settlement_mode: 'balance' });
    await reports.items([inP2(SECOND)]);
    await reports.items([inP2(REFUND)]);
    expect(await reports.balances()).toMatchObject({ 'asset:processor_balance [carry:P2>unproven] EUR': '200' });
    expect(await reports.balances()).not.toHaveProperty('asset:processor_balance [P2] EUR');
  });
});

describe('a report in several files', () => {
  const part = (n: number, of: number, items: readonly StubItem[]): string => stubFile(items, `#stub ${n}/${of} day5`);
  const parts = [part(1, 3, [CHARGE]), part(2, 3, [SECOND, REFUND]), part(3, 3, [payout(-1171), CLOSES])];

  it.each([
    ['in their order', [0, 1, 2]],
    ['the last one first', [2, 0, 1]],
    ['one of them twice', [1, 1, 2, 0]],
  ])('waits for all of them: %s', async (_, order) => {
    const reports = await openReports(database);
    const kinds: string[] = [];
    for (const n of order) kinds.push((await reports.file(parts[n] ?? '')).kind);
    expect(kinds).toEqual([...order.slice(1).map(() => 'waiting'), 'imported']);
    expect(await reports.balances()).toEqual(BOOKS);
    expect(await reports.file(parts[1] ?? '')).toMatchObject({ kind: 'repeated' });
    const { rows } = await database.sql.query(
      `select count(*)::int4 as chunks from postern.settlement_parts p join postern.settlements s on s.id = p.settlement_id
       where s.account = $1 and p.chunk >= 0`,
      [reports.account],
    );
    expect(rows).toEqual([{ chunks: 0 }]);
  });

  it('posts nothing while one is missing, and says which', async () => {
    const reports = await openReports(database);
    await reports.file(parts[0] ?? '');
    expect(await reports.file(parts[2] ?? '')).toMatchObject({ kind: 'waiting', missing: '2' });
    expect(await reports.balances()).toEqual({});
  });

  it('fails as a whole', async () => {
    const reports = await openReports(database);
    await reports.file(parts[0] ?? '');
    await reports.file(part(2, 3, ['not to be read']));
    expect(await reports.file(parts[2] ?? '')).toMatchObject({ kind: 'failed' });
    expect(await reports.balances()).toEqual({});
  });
});

describe('what webhooks tell', () => {
  it('nets with the lines of a report', async () => {
    const reports = await openReports(database);
    await reports.items(BATCH);
    expect(STUB_AT).toBeGreaterThan(0);
    const { rows } = await database.sql.query<{ n: number }>(
      `select count(*)::int4 as n from postern.transactions t join postern.settlement_lines l on l.id = t.source_line where l.account = $1`,
      [reports.account],
    );
    // Four lines, one recognised fee, one payout.
    expect(rows).toEqual([{ n: 6 }]);
  });
});
