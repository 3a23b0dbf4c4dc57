import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sign as signPaypal } from '../../src/providers/paypal/sign.ts';
import { createSimulatedAuthority } from '../../src/providers/paypal/simulated-authority.ts';
import { sign as signStripe } from '../../src/providers/stripe/sign.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { expectSums } from '../support/expect-posted.ts';
import { FORGERS_PAD, forgeCrc32 } from '../support/forge-crc.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { chargeSucceeded } from '../support/stripe-bodies.ts';

const SECRET = 'whsec_group_tests_secret';
const WEBHOOK_ID = '8MADEBYUS0000001A';
const authority = createSimulatedAuthority(Date.now(), 'messageverificationcerts.sandbox.paypal.com');
let database: TestDatabase;
let gateways: TestGateway[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const first = await startTestGateway(database);
  gateways = [first, await startTestGateway(database, { work: false })];
  for (const name of ['odd', 'opposite']) await first.addEndpoint('stripe', name, [SECRET]);
  await first.addEndpoint('paypal', 'forged', [], {
    mode: 'test',
    webhook_id: WEBHOOK_ID,
    simulated_authority: { root: authority.rootPem, certificate: authority.certificatePem },
  });
  for (const gateway of gateways) await gateway.gateway.reloadEndpoints();
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await database.drop();
});

async function post(gateway: number, path: string, body: Buffer, headers: readonly (readonly [string, string])[]) {
  const response = await fetch(`${gateways[gateway]?.url}${path}`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: Object.fromEntries(headers),
  });
  await response.arrayBuffer();
  return response.status;
}

function postStripe(gateway: number, endpoint: string, text: string): Promise<number> {
  const body = Buffer.from(text);
  return post(gateway, `/webhooks/stripe/${endpoint}`, body, signStripe({ body, url: '' }, SECRET, Date.now()));
}

type Row = { event_id: string; status: string; error_code: string | null; duplicates: number; conflict: boolean };

/** The endpoint's events once none is queued. */
async function settled(endpoint: string, count: number): Promise<Row[]> {
  return eventually(
    async () => {
      const { rows } = await database.sql.query<Row>(
        `select event_id, status, error_code, duplicates, conflict from postern.events e
         join postern.endpoints p on p.id = e.endpoint_id where p.name = $1 order by e.id`,
        [endpoint],
      );
      expect(rows).toHaveLength(count);
      expect(rows.filter(({ status }) => status === 'queued')).toEqual([]);
      return rows;
    },
    { timeoutMs: 15_000 },
  );
}

async function transactions(pattern: string): Promise<number> {
  const { rows } = await database.sql.query<{ n: bigint }>(
    'select count(*) as n from postern.transactions where effect_key like $1',
    [pattern],
  );
  return Number(rows[0]?.n);
}

/** `chargeSucceeded(n)` with another event id, as JSON text writes it. */
function chargeUnder(id: string, n: string): string {
  return chargeSucceeded(n).replace(`"evt_${n}"`, `"${id}"`);
}

describe('a group of 200 requests', () => {
  it('is not spoiled by ids that Postgres cannot store, nor by a copy', async () => {
    const good = Array.from({ length: 199 }, (_, n) => chargeSucceeded(`odd${n}`));
    const long = 'x'.repeat(5_000);
    const odd = [
      chargeUnder('evt_nul\\u0000', 'nul'),
      chargeUnder('evt_lone\\ud800', 'lone'),
      chargeUnder('evt_lone\\ud801', 'lone2'),
      chargeUnder(`evt_${long}`, 'long'),
      chargeSucceeded('odd0'),
      // Not the id but what the event is about cannot be stored.
      chargeSucceeded('nulcharge').replaceAll('"ch_nulcharge"', '"ch_\\u0000"'),
      chargeSucceeded('lonecharge').replaceAll('"ch_lonecharge"', '"ch_\\ud800"'),
      chargeSucceeded('lonetext', { description: 'MARK' }).replace('"MARK"', '"\\ud800"'),
      chargeSucceeded('nultext', { description: 'MARK' }).replace('"MARK"', '"\\u0000"'),
    ];
    const all = [...good.slice(0, 100), ...odd, ...good.slice(100)];
    const statuses = await Promise.all(all.map((body) => postStripe(0, 'odd', body)));
    expect(statuses.filter((status) => status !== 200)).toEqual([]);

    const rows = await settled('odd', 207);
    const goodRows = rows.filter(({ event_id: id }) => /^evt_odd\d+$/.test(id));
    expect(goodRows).toHaveLength(199);
    expect(goodRows.filter(({ status }) => status !== 'posted')).toEqual([]);
    const mapped = rows.filter(({ event_id: id }) => /^sha256:[0-9a-f]{64}$/.test(id));
    expect(mapped).toHaveLength(4);
    expect(rows.some(({ conflict }) => conflict)).toBe(false);
    // An id is only a name, so its event is posted; text that no exact reader can read is dead, and says so.
    const ends = rows
      .filter(({ event_id: id }) => !/^evt_odd\d+$/.test(id))
      .map(({ event_id: id, status, error_code: code }) => [id.replace(/^(sha256):.*$/, '$1'), status, code]);
    expect(ends).toEqual([
      ['sha256', 'posted', null],
      ['sha256', 'dead', 'unreadable_event'],
      ['sha256', 'dead', 'unreadable_event'],
      ['sha256', 'posted', null],
      ['evt_nulcharge', 'dead', expect.any(String)],
      ['evt_lonecharge', 'dead', 'unreadable_event'],
      ['evt_lonetext', 'dead', 'unreadable_event'],
      ['evt_nultext', 'posted', null],
    ]);
    expect(await transactions('stripe:odd:ch_odd%:captured%')).toBe(199);
    await expectSums(database.sql);
  });

  it('does not deadlock with the same group in opposite order at another instance', async () => {
    const bodies = Array.from({ length: 200 }, (_, n) => chargeSucceeded(`opp${n}`));
    const statuses = await Promise.all([
      ...bodies.map((body) => postStripe(0, 'opposite', body)),
      ...bodies.toReversed().map((body) => postStripe(1, 'opposite', body)),
    ]);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    const rows = await settled('opposite', 200);
    expect(rows.filter(({ status }) => status !== 'posted')).toEqual([]);
    expect(await transactions('stripe:opposite:%:captured%')).toBe(200);
    for (const gateway of gateways) {
      const text = await (await gateway.api('/metrics')).text();
      expect(text.match(/^postern_\w*serialization\w*\{.*\} [1-9].*$/gm) ?? []).toEqual([]);
    }
    await expectSums(database.sql);
  });
});

describe('a body forged to the CRC-32 of a captured PayPal transmission', () => {
  const capture = (n: number, value: string, note = ''): string =>
    JSON.stringify({
      id: `WH-MADEBYUS0000000${n}A-MADEBYUS0000000${n}B`,
      event_version: '1.0',
      create_time: '2026-01-01T00:00:00.000Z',
      resource_type: 'capture',
      resource_version: '2.0',
      event_type: 'PAYMENT.CAPTURE.COMPLETED',
      summary: `Made by us ${note}`,
      resource: {
        id: `MADECAPTURE00000${n}`,
        status: 'COMPLETED',
        amount: { currency_code: 'EUR', value },
        final_capture: true,
        seller_receivable_breakdown: {
          gross_amount: { currency_code: 'EUR', value },
          paypal_fee: { currency_code: 'EUR', value: '0.50' },
          net_amount: { currency_code: 'EUR', value: '9.50' },
        },
        create_time: '2025-12-31T23:59:00Z',
        update_time: '2025-12-31T23:59:30Z',
      },
    });

  it('passes the signature, is a conflict, and posts nothing', async () => {
    const path = '/webhooks/paypal/forged';
    const body = Buffer.from(capture(1, '10.00'));
    const headers = signPaypal({ body, url: '' }, authority.privateKeyPem, Date.now(), { webhook_id: WEBHOOK_ID });
    expect(await post(0, path, body, headers)).toBe(200);
    expect(await settled('forged', 1)).toMatchObject([{ status: 'posted' }]);
    const before = await transactions('paypal:%');

    const forged = forgeCrc32(capture(2, '9999.00', FORGERS_PAD), body);
    expect(JSON.parse(forged.toString())).toMatchObject({ resource: { amount: { value: '9999.00' } } });
    expect(await post(0, path, forged, headers)).toBe(200);
    const rows = await settled('forged', 2);
    expect(rows).toMatchObject([
      { status: 'posted', conflict: false },
      { status: 'dead', conflict: true, error_code: 'conflict' },
    ]);
    expect(await transactions('paypal:%')).toBe(before);
    // The same forgery again is a copy of what is known.
    expect(await post(1, path, forged, headers)).toBe(200);
    await settled('forged', 2);
    // Not forged but changed: the signature says so.
    expect(await post(0, path, Buffer.from(capture(3, '1.00')), headers)).toBe(401);
    await settled('forged', 2);
    await expectSums(database.sql);
  });
});
