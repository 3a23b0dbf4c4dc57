import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { reportFixture } from '../support/report-reading.ts';

let database: TestDatabase;
let gateway: TestGateway;
beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startTestGateway(database);
  await gateway.addEndpoint('stripe', 'main', ['whsec_settlements']);
});
afterAll(async () => {
  await gateway.stop();
  await database.drop();
});

const HEADER =
  'balance_transaction_id,created,available_on,currency,gross,fee,net,reporting_category,description,automatic_payout_id,source_id,customer_facing_amount,customer_facing_currency';
function report(payout: string, gross = '12.00', paid = '11.65'): string {
  return `${HEADER}
txn_${payout}_1,2026-02-01 12:00:00,2026-02-03 00:00:00,usd,${gross},0.35,11.65,charge,A,${payout},ch_${payout},${gross},usd
txn_${payout}_2,2026-02-03 12:00:00,2026-02-03 00:00:00,usd,-${paid},0.00,-${paid},payout,STRIPE PAYOUT,${payout},${payout},,
`;
}

type View = {
  id: string;
  status: string;
  lines_new: number;
  error_count: number;
  batches: Record<string, unknown>[];
  errors: Record<string, unknown>[];
  [name: string]: unknown;
};

async function upload(
  text: string | FormData,
  query = '',
  headers: Record<string, string> = { 'content-type': 'text/csv' },
): Promise<{ status: number; body: View; location: string | null }> {
  const response = await gateway.api(`/api/v1/settlements?provider=stripe&endpoint=main${query}`, {
    method: 'POST',
    body: text,
    ...(typeof text === 'string' ? { headers } : {}),
  });
  return { status: response.status, body: (await response.json()) as View, location: response.headers.get('location') };
}

const ended = (location: string | null): Promise<View> =>
  eventually(async () => {
    const view = (await (await gateway.api(location ?? '')).json()) as View;
    expect(view.status).not.toBe('importing');
    return view;
  });

describe('POST /settlements', () => {
  it('takes a report in, and the same bytes again are the same import', async () => {
    const { status, body, location } = await upload(report('po_1'));
    expect(status).toBe(202);
    expect(['importing', 'imported']).toContain(body.status);
    const view = await ended(location);
    expect(view).toMatchObject({
      provider: 'stripe',
      endpoint: 'main',
      format: 'payout_reconciliation',
      status: 'imported',
      lines_new: 2,
      errors: [],
      batches: [
        {
          reference: 'po_1',
          currency: 'USD',
          lines: 2,
          gross: '1200',
          fee: '35',
          tax: '0',
          net: '1165',
          payout: '-1165',
          closes: true,
          difference: '0',
        },
      ],
    });
    const again = await upload(report('po_1'));
    expect(again).toMatchObject({ status: 200, location, body: { id: view.id, repeated: 1 } });
  });

  it('takes it from a form, and as JSON by its content type, too', async () => {
    const form = new FormData();
    form.append('file', new Blob([report('po_2')]), 'february.csv');
    const { location } = await upload(form);
    expect(await ended(location)).toMatchObject({ status: 'imported', file: { name: 'february.csv' } });
    const other = await upload(report('po_3'), '&file_name=march.csv', { 'content-type': 'application/json' });
    expect(await ended(other.location)).toMatchObject({ status: 'imported', file: { name: 'march.csv' } });
  });

  it('tells every error of a file that cannot be read, and posts nothing of it', async () => {
    const { status, body } = await upload(
      `${report('po_4')}txn_x,yesterday,,usd,1.00,0.00,1.00,charge,A,po_4,ch_x,,\ntxn_y,2026-02-01 12:00:00,,usd,one,0,1,charge,A,po_4,ch_y,,\n`,
    );
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: 'failed', error_count: 2 });
    expect(body.errors.map(({ line }) => line)).toEqual([4, 5]);
    for (const error of body.errors) expect(error).toMatchObject({ kind: 'unreadable', difference: null });
    const { rows } = await database.sql.query(`select 1 from postern.transactions where effect_key like '%po_4%'`);
    expect(rows).toEqual([]);
  });

  it('takes a report that contradicts itself only for a reason', async () => {
    const wrong = report('po_5', '12.00', '11.64');
    const refused = await upload(wrong);
    expect(refused.body).toMatchObject({ status: 'failed', error_count: 1 });
    expect(refused.body.errors).toMatchObject([{ kind: 'contradiction', batch: 'po_5' }]);
    const { location } = await upload(wrong, '&accept_difference=Stripe%20wrote%20to%20us');
    expect(await ended(location)).toMatchObject({
      status: 'imported',
      accepted_difference: 'Stripe wrote to us',
      error_count: 1,
    });
    const log = (await (await gateway.api('/api/v1/audit-log?action=settlement.import')).json()) as {
      items: { reason: string | null }[];
    };
    expect(log.items.some(({ reason }) => reason === 'Stripe wrote to us')).toBe(true);
  });

  it('says of a contradiction what it is off by, in a dry run as of what is kept', async () => {
    const wrong = report('po_7', '12.00', '11.63');
    const dry = await upload(wrong, '&dry_run=true');
    expect(dry.body.errors).toMatchObject([{ batch: 'po_7', currency: 'USD', difference: '2' }]);
    const kept = await upload(wrong);
    expect(kept.body.errors).toEqual(dry.body.errors);
    expect((await ended(kept.location)).errors).toEqual(dry.body.errors);
  });

  it('keeps nothing of a dry run', async () => {
    const { status, body } = await upload(report('po_6'), '&dry_run=true');
    expect(status).toBe(200);
    expect(body).toMatchObject({ format: 'payout_reconciliation', lines: 2, error_count: 0 });
    const list = (await (await gateway.api('/api/v1/settlements?batch=po_6')).json()) as { items: unknown[] };
    expect(list.items).toEqual([]);
  });

  it.each([
    ['no such endpoint', '&endpoint=none', 404],
    ['no such format', '&format=none', 400],
    ['an unknown parameter', '&formt=none', 400],
  ])('refuses %s', async (_, query, expected) => {
    const path = `/api/v1/settlements?provider=stripe${query.startsWith('&endpoint') ? '' : '&endpoint=main'}${query}`;
    expect((await gateway.api(path, { method: 'POST', body: report('po_7') })).status).toBe(expected);
  });

  it('refuses an Excel workbook with advice, and a form without a file', async () => {
    const workbook = await upload('PK\u0003\u0004');
    expect(workbook.status).toBe(400);
    expect(workbook.body.detail).toMatch(/CSV/);
    const form = new FormData();
    form.append('file_name', 'x');
    expect((await upload(form)).status).toBe(400);
  });

  it('is for finance alone', async () => {
    const made = await gateway.api('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'ops', roles: ['ops'] }),
    });
    const { token } = (await made.json()) as { token: string };
    for (const method of ['POST', 'GET']) {
      const response = await gateway.api('/api/v1/settlements?provider=stripe&endpoint=main', {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(method === 'POST' ? { body: report('po_8') } : {}),
      });
      expect(response.status).toBe(403);
    }
  });
});

describe('GET /settlements', () => {
  it('lists them newest first, by status and by batch, and pages their lines', async () => {
    const list = (await (await gateway.api('/api/v1/settlements?status=imported&limit=1')).json()) as {
      items: View[];
      next_cursor: string;
    };
    expect(list.items).toHaveLength(1);
    const [one] = ((await (await gateway.api('/api/v1/settlements?batch=po_1')).json()) as { items: View[] }).items;
    const first = (await (await gateway.api(`/api/v1/settlements/${one?.id}/lines?limit=1`)).json()) as {
      items: Record<string, unknown>[];
      next_cursor: string;
    };
    expect(first.items).toMatchObject([
      { line: 2, kind: 'charge', reference: 'ch_po_1', gross: '1200', fee: '35', net: '1165' },
    ]);
    const second = (await (
      await gateway.api(`/api/v1/settlements/${one?.id}/lines?limit=1&cursor=${first.next_cursor}`)
    ).json()) as { items: Record<string, unknown>[]; next_cursor: null };
    expect(second).toMatchObject({ items: [{ line: 3, kind: 'payout' }], next_cursor: null });
  });

  it('knows no others', async () => {
    for (const id of ['x', '0199f3c2-7a10-7c44-9c5e-3f1b2a6d8e90'])
      expect((await gateway.api(`/api/v1/settlements/${id}`)).status).toBe(404);
  });
});

describe('whose books a report is posted on', () => {
  const take = async (provider: string, text: string, query = '') => {
    const response = await gateway.api(`/api/v1/settlements?provider=${provider}&endpoint=main${query}`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'text/csv' },
    });
    return {
      status: response.status,
      body: (await response.json()) as View,
      location: response.headers.get('location'),
    };
  };
  const batch = reportFixture('adyen', 'settlement_detail_report_batch_7.csv');
  beforeAll(async () => {
    await gateway.addEndpoint('adyen', 'main', ['ab'.repeat(32)]);
    await gateway.addEndpoint('square', 'main', ['signature-key']);
  });

  it('is told by a file that names its account, as webhooks do', async () => {
    const { location } = await take('adyen', batch);
    const view = await ended(location);
    expect(view).toMatchObject({ status: 'imported', account: 'ShopNL', endpoint: 'main' });
    const { rows } = await database.sql.query(
      `select a.path from postern.accounts a where starts_with(a.path, 'asset:processor_balance:adyen:')`,
    );
    expect(rows).toEqual([{ path: 'asset:processor_balance:adyen:ShopNL' }]);
  });

  it('is not another account’s than the file’s', async () => {
    const { location } = await take('adyen', batch, '&account=ShopFR');
    expect(await ended(location)).toMatchObject({
      status: 'failed',
      account: 'ShopFR',
      errors: [{ reason: 'The report has no row of ShopFR; it is of ShopNL' }],
    });
  });

  it('is asked for where neither the file nor the endpoint tells it', async () => {
    const { status, body } = await take('square', '{"payout_entries":[]}');
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ path: 'account' }] });
    expect(JSON.stringify(body)).toContain('set account on square/main');
  });
});
