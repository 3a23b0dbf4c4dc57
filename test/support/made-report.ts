import { sqlOf } from '../../src/postgres/sql.ts';
import { openReport } from '../../src/reconcile/report/open-report.ts';
import { NO_FILTER } from '../../src/reconcile/report/scope.ts';
import type { TestDatabase } from './database.ts';

/** The report on an account's discrepancies of a period, made at `now`, as its document tells it. */
export async function madeReport(
  database: TestDatabase,
  { account, period, now }: { readonly account: string; readonly period: string | null; readonly now: number },
): Promise<unknown> {
  const deps = {
    connect: database.pools().reader,
    sql: sqlOf(database.pools().api),
    clock: { now: () => now },
    actor: 'cli:finance',
  };
  const selection = { provider: 'test', account };
  const report = await openReport(deps, {
    report: 'discrepancies',
    format: 'json',
    run: null,
    selection,
    period,
    filter: NO_FILTER,
  });
  try {
    let text = '';
    for await (const piece of report.bytes) text += String(piece);
    return JSON.parse(text);
  } finally {
    await report.close();
  }
}
