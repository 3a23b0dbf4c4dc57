import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../../src/providers/index.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { JSON_REPORTS } from '../../support/json-reports.ts';
import { openReports } from '../../support/reports.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

/** A control posts nothing. */
const MONEY = JSON_REPORTS.filter(([, format]) => format !== 'transaction_search');

describe.each(MONEY)('%s %s', (name, format, parts) => {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`no provider ${name}`);
  const settings = format === 'balance_transactions' ? { settlement_mode: 'balance' as const } : {};
  const text = parts.map((part) => JSON.stringify(part)).join('\n');

  it('closes, is posted, and is the same when it comes again in another spelling', async () => {
    const reports = await openReports(database, settings, provider);
    const imported = await reports.file(text);
    expect(imported).toMatchObject({ kind: 'imported', removed: 0 });
    const { rows } = await database.sql.query<{ is_stated: boolean; off: string }>(
      `select is_stated, (opening + net + payout - closing)::text as off from postern.settlement_batches where settlement_id = $1`,
      [imported.id],
    );
    // Stripe's days state no balance.
    expect(rows).toEqual([{ is_stated: name !== 'stripe' || format !== 'balance_transactions', off: '0' }]);
    const before = await reports.balances();
    expect(Object.keys(before).length).toBeGreaterThan(0);
    const spelled = parts.map((part) => JSON.stringify(part, null, 2)).join('\n\n');
    expect(await reports.file(spelled)).toMatchObject({ kind: 'imported', linesNew: 0, removed: 0 });
    expect(await reports.balances()).toEqual(before);
  });

  it('cut short anywhere it posts nothing', async () => {
    const reports = await openReports(database, settings, provider);
    for (const part of [0.2, 0.5, 0.8, 0.99]) {
      const cut = text.slice(0, Math.floor(text.length * part));
      const failed = await reports.file(cut, { format });
      expect(failed.kind).toBe('failed');
    }
    expect(await reports.balances()).toEqual({});
  });
});
