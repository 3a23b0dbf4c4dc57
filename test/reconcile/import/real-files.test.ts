import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { providers } from '../../../src/providers/index.ts';
import { derivedDifferences } from '../../ledger/books.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openReports } from '../../support/reports.ts';
import { samplesFolder } from '../../support/samples-folder.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  expect(await derivedDifferences(database)).toEqual([]);
  await database.drop();
});

const SAMPLES: readonly (readonly [folder: string, provider: string])[] = [
  ['adyen', 'adyen'],
  ['braintree', 'braintree'],
  ['checkout', 'checkout'],
  ['gocardless', 'gocardless'],
  ['mollie', 'mollie'],
  ['paypal', 'paypal'],
  ['razorpay', 'razorpay'],
  ['square', 'square'],
  ['stripe', 'stripe'],
];
const root = samplesFolder('settlements');
const files = existsSync(root)
  ? SAMPLES.flatMap(([folder, provider]) =>
      readdirSync(join(root, folder), { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => [folder, name, provider] as const),
    )
  : [];

describe.skipIf(files.length === 0)('a real file', () => {
  it.each(files)('%s/%s is taken in whole, or refused with a reason, and twice it is one', async (folder, name, by) => {
    const provider = providers.get(by === 'checkout' ? checkoutName() : by);
    if (provider === undefined) throw new Error(`no provider ${by}`);
    const reports = await openReports(database, {}, provider);
    const text = readFileSync(join(root, folder, name));
    const take = async () => {
      try {
        return await reports.file(text.toString('latin1') === '' ? '' : text.toString('utf8'), { fileName: name });
      } catch (error) {
        return { kind: 'refused' as const, reason: error instanceof Error ? error.message : String(error) };
      }
    };
    const first = await take();
    if (first.kind === 'failed') {
      expect(first.examined.faults.count).toBeGreaterThan(0);
      // What only contradicts itself (most samples were cut) is taken for a reason.
      if (first.examined.faults.kept.some(({ kind }) => kind === 'unreadable')) return;
      const accepted = await reports.file(text.toString('utf8'), { fileName: name, acceptDifference: 'a sample' });
      expect(accepted.kind).toBe('imported');
    } else if (first.kind === 'refused') expect(first.reason).toMatch(/\S/);
    const again = await take();
    if (first.kind === 'imported' || first.kind === 'failed') expect(again.kind).toBe('repeated');
  });

  it('of Adyen, batch 380, comes to what its provenance says', async () => {
    const provider = providers.get('adyen');
    if (provider === undefined) throw new Error('no Adyen');
    const reports = await openReports(database, {}, provider);
    const text = readFileSync(join(root, 'adyen', 'settlement_detail_report_batch_380.csv'), 'utf8');
    const imported = await reports.file(text);
    // It names its account, under which it was taken in with the others.
    expect(['imported', 'repeated']).toContain(imported.kind);
    const { rows } = await database.sql.query(
      `select lines, gross::text, fee::text, tax::text, net::text, payout::text, opening + net + payout - closing = 0 as closes
       from postern.settlement_batches where settlement_id = $1`,
      [imported.id],
    );
    expect(rows).toEqual([
      { lines: 228n, gross: '5573580', fee: '42773', tax: '0', net: '5530807', payout: '-5530807', closes: true },
    ]);
  });
});

const checkoutName = (): string => [...providers.keys()].find((name) => name.startsWith('checkout')) ?? 'checkout';
