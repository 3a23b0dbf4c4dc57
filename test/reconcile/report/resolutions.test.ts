import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLedger } from '../../../src/ledger/post.ts';
import { sqlOf } from '../../../src/postgres/sql.ts';
import { type Action, createDiscrepancies } from '../../../src/reconcile/discrepancies/discrepancies.ts';
import { createRulesOf } from '../../../src/reconcile/engine/account-rules.ts';
import { openReport } from '../../../src/reconcile/report/open-report.ts';
import { type DiscrepancyFilter, NO_FILTER } from '../../../src/reconcile/report/scope.ts';
import { AT, captured, openBooks } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { addDiscrepancy, addSettlement } from '../../support/settlement-rows.ts';

const DAY = 86_400_000;
const MINUTE = 60_000;
const END_OF_MARCH = Date.parse('2026-03-31T12:00:00Z');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

type Row = Record<string, unknown>;
type Document = { readonly open: number; readonly cover: Row; readonly of: Readonly<Record<string, Row[]>> };

/** An account with one discrepancy of March, and somebody to work on it. */
async function openAccount() {
  const books = openBooks(database);
  const { account } = books;
  await books.post([captured('p1', 1_000n)]);
  const settlement = await addSettlement(database, {
    provider: 'test',
    account,
    at: AT,
    batches: [{ batch: 'B1', currency: 'EUR' }],
    lines: [{ kind: 'charge', batch: 'B1', currency: 'EUR', gross: 1_000n, reference: 'p1', at: AT }],
  });
  const of = { provider: 'test', account, currency: 'EUR', at: AT };
  const id = await addDiscrepancy(database, { ...of, class: 'amount_mismatch', reference: 'p1', delta: -7n });
  let now = AT + DAY;
  const discrepancies = createDiscrepancies({
    pool: database.appPool,
    clock: { now: () => now },
    ledger: createLedger({ clock: { now: () => now } }),
    rulesOf: createRulesOf({ all: () => [] }),
  });

  async function report(
    at: number,
    asked: { period?: string; filter?: Partial<DiscrepancyFilter>; run?: string; settlement?: string } = {},
  ): Promise<Document> {
    const deps = {
      connect: database.pools().reader,
      sql: sqlOf(database.pools().api),
      clock: { now: () => at },
      actor: 'cli:finance',
    };
    const common = { format: 'json', run: asked.run ?? null } as const;
    const made = await openReport(
      deps,
      asked.settlement === undefined
        ? {
            ...common,
            report: 'discrepancies',
            selection: { provider: 'test', account },
            period: asked.period ?? '2026-03',
            filter: { ...NO_FILTER, ...asked.filter },
          }
        : { ...common, report: 'settlement', settlement: asked.settlement },
    );
    try {
      let text = '';
      for await (const piece of made.bytes) text += String(piece);
      const json = JSON.parse(text);
      return { open: made.open, cover: json.cover, of: json };
    } finally {
      await made.close();
    }
  }

  return {
    id,
    settlement,
    report,
    act: (at: number, action: Action, actor = 'token:ada'): Promise<void> => {
      now = at;
      return discrepancies.act(id, action, actor);
    },
  };
}

const EXPLAIN: Action = { action: 'explain', reason_code: 'agreed' };
const counts = (document: Document): unknown[] => (document.of.discrepancies ?? []).map((row) => row.count);

describe('what a person resolved', () => {
  it('is over, and the report says how, by whom and when, whatever was noted since', async () => {
    const { id, settlement, act, report } = await openAccount();
    await act(AT + 2 * DAY, EXPLAIN);
    await act(AT + 3 * DAY, { action: 'note', note: 'by mail' }, 'token:bob');
    const document = await report(END_OF_MARCH);
    expect(document.of.resolutions).toMatchObject([
      {
        id,
        status: 'resolved',
        reason_code: 'agreed',
        delta: { minor: '-7' },
        ended_at: new Date(AT + 2 * DAY).toISOString(),
        ended_how: 'explain',
        ended_by: 'token:ada',
        cleared_at: null,
      },
    ]);
    expect([document.open, counts(document), document.of.ageing, document.of.details_amount_mismatch]).toEqual([
      0,
      [],
      [],
      undefined,
    ]);
    expect((await report(END_OF_MARCH, { settlement })).of.discrepancies).toEqual([]);
  });

  it('is found by its status, and not by another', async () => {
    const { id, act, report } = await openAccount();
    await act(AT + 2 * DAY, EXPLAIN);
    const by = async (status: string) => (await report(END_OF_MARCH, { filter: { status } })).of.resolutions;
    expect(await by('resolved')).toMatchObject([{ id }]);
    expect(await by('auto_cleared')).toEqual([]);
  });

  it('after the run was made is still open in that run', async () => {
    const { act, report, settlement } = await openAccount();
    const first = await report(AT + 2 * DAY);
    const ofSettlement = await report(AT + 2 * DAY, { settlement });
    expect([first.open, first.of.resolutions]).toEqual([1, []]);
    await act(AT + 2 * DAY + MINUTE, EXPLAIN);
    const again = await report(END_OF_MARCH, { run: String(first.cover.run) });
    expect([again.open, counts(again), again.of.resolutions]).toEqual([1, [1], []]);
    expect(again.of.ageing).toEqual(first.of.ageing);
    expect(again.of.details_amount_mismatch).toHaveLength(1);
    const run = String(ofSettlement.cover.run);
    expect((await report(END_OF_MARCH, { run, settlement })).of.discrepancies).toHaveLength(1);
    expect((await report(END_OF_MARCH)).open).toBe(0);
  });

  it('belongs to the period in which it ended, and to none after', async () => {
    const { id, act, report } = await openAccount();
    await act(Date.parse('2026-04-10T00:00:00Z'), EXPLAIN);
    const ended = async (period: string) =>
      (await report(Date.parse('2026-06-01T00:00:00Z'), { period })).of.resolutions?.map((row) => row.id);
    expect(await ended('2026-04')).toEqual([id]);
    expect(await ended('2026-05')).toEqual([]);
  });

  it('is told as gone since the run before', async () => {
    const { act, report } = await openAccount();
    await report(AT + 2 * DAY);
    await act(AT + 2 * DAY + MINUTE, EXPLAIN);
    const [row] = (await report(AT + 4 * DAY)).of.discrepancies ?? [];
    expect(row).toMatchObject({ class: 'amount_mismatch', count: 0, seen_since: 0, cleared_since: 1 });
  });

  it('and reopened is open again', async () => {
    const { act, report } = await openAccount();
    await act(AT + 2 * DAY, EXPLAIN);
    await act(AT + 3 * DAY, { action: 'reopen', reason: 'it was not' });
    const document = await report(END_OF_MARCH);
    expect([document.open, counts(document), document.of.resolutions]).toEqual([1, [1], []]);
    await act(AT + 5 * DAY, EXPLAIN, 'token:bob');
    expect((await report(END_OF_MARCH)).of.resolutions).toMatchObject([
      { ended_at: new Date(AT + 5 * DAY).toISOString(), ended_by: 'token:bob' },
    ]);
  });
});
