import { describe, expect, it } from 'vitest';
import { createBatchRounding } from '../../../src/providers/checkout/batch-rounding.ts';
import { financialActions } from '../../../src/providers/checkout/financial-actions.ts';
import { checkout } from '../../../src/providers/checkout/index.ts';
import { payouts } from '../../../src/providers/checkout/payouts-report.ts';
import { settlementBreakdown } from '../../../src/providers/checkout/settlement-breakdown.ts';
import type { EndpointSettings } from '../../../src/providers/provider.ts';
import { UNBATCHED } from '../../../src/settlement-line.ts';
import { openItems } from '../../support/open-items.ts';
import { meaningOf } from '../../support/provider-event.ts';
import { batchesOf, faultsOf, itemsOf, linesOf } from '../../support/report-items.ts';
import {
  expectedInvariants,
  expectOthersRefused,
  expectSameHoweverCut,
  fixture,
  sample,
} from '../../support/settlement-fixtures.ts';

const ACTIONS = fixture('checkout', 'financial-actions_ent_made_20260303_0000MADE01_1.csv');
const BREAKDOWN = fixture('checkout', 'settlement-breakdown_ent_made_20260303_0000MADE01_1.csv');
const PAYOUTS = fixture('checkout', 'payouts_ent_made_20260302_20260303_1.csv');
const BATCH = '0000MADE01';
/** The report with one text in it changed, which must be there. */
const changed = (text: string, from: string | RegExp, to: string): string => {
  expect(text.replace(from, to)).not.toBe(text);
  return text.replace(from, to);
};
const net = (lines: ReturnType<typeof linesOf>) => lines.reduce((sum, { line }) => sum + line.net, 0n);

it('one report moves the money of the lines, as the account says, and the payouts report that of the payout', () => {
  const roles = (settings: EndpointSettings) => checkout.settlements?.map(({ name, role }) => [name, role(settings)]);
  expect(roles({})).toEqual([
    ['financial_actions', 'money'],
    ['settlement_breakdown', 'control'],
    ['payouts', 'money'],
  ]);
  expect(roles({ settlement_report: 'settlement_breakdown' })).toEqual([
    ['financial_actions', 'control'],
    ['settlement_breakdown', 'money'],
    ['payouts', 'money'],
  ]);
  expect(checkout.checkSettings({ settlement_report: 'settlement_breakdown' })).toEqual([]);
  expect(checkout.checkSettings({ settlement_report: 'payouts' })).toMatchObject([{ path: '/settlement_report' }]);
  for (const [text, format] of [
    [ACTIONS, financialActions],
    [BREAKDOWN, settlementBreakdown],
    [PAYOUTS, payouts],
  ] as const)
    expect(checkout.settlements?.filter((one) => one.recognises(text, null))).toEqual([format]);
});

describe('financial actions', () => {
  it('fold to a line an action, exact below the cent', async () => {
    const items = await itemsOf(financialActions, ACTIONS);
    expect(faultsOf(items)).toEqual([]);
    const lines = linesOf(items);
    expect(
      lines.map(({ row, residue, line: { kind, gross, fee, tax, net: n } }) => [
        row,
        kind,
        gross,
        fee,
        tax,
        n,
        residue,
      ]),
    ).toEqual([
      [2, 'charge', 10_000n, 83n, 12n, 9905n, '-0.45'],
      [7, 'reserve_hold', -1000n, 0n, 0n, -1000n, undefined],
      [8, 'charge', 4253n, 2n, 0n, 4251n, '-0.39'],
      [10, 'refund', -3000n, 6n, 0n, -3006n, '0.5'],
      [12, 'chargeback', -2500n, 1500n, 0n, -4000n, undefined],
      [14, 'charge', 0n, 1n, 0n, -1n, '0.3'],
      [15, 'fee', 0n, 10n, 0n, -10n, undefined],
      [16, 'other', 100n, 0n, 0n, 100n, undefined],
      [17, 'payout', -6239n, 0n, 0n, -6239n, undefined],
    ]);
    expect(net(lines)).toBe(0n);
    expect(batchesOf(items)).toMatchObject([{ batch: BATCH, currency: 'EUR', opening: 0n, closing: 0n }]);
    expect(lines.map(({ line }) => ('reference' in line ? line.reference : undefined))).toEqual([
      'pay_1',
      undefined,
      'pay_2',
      'act_ref1',
      'pay_3',
      'pay_4',
      undefined,
      undefined,
      undefined,
    ]);
    expect(lines[2]).toMatchObject({ fxRate: '0.850622', line: { payer: { amount: 5000n, currency: 'USD' } } });
    expect(lines[0]?.line.identity).toBe('act_cap1/Capture');
    expect(lines[0]?.raw.split('\n')).toHaveLength(5);
    expect(lines.map(({ raw }) => raw).join()).not.toContain('Ada Invented');
    expect(lines.at(-1)).toMatchObject({ line: { payout: BATCH, identity: `payout/${BATCH}` }, keys: { bank: BATCH } });
  });

  it('settle what the webhooks announced, to nothing but what is withheld and under way', async () => {
    const event = (type: string, data: object) => {
      const body = { id: 'evt_1', type, created_on: '2026-03-02T10:00:00Z', data };
      const meaning = meaningOf(checkout, Buffer.from(JSON.stringify(body)));
      return meaning.kind === 'effects' ? meaning.effects : [];
    };
    const announced = [
      ...event('payment_captured', { id: 'pay_1', action_id: 'act_cap1', amount: 10_000, currency: 'EUR' }),
      ...event('payment_captured', { id: 'pay_2', action_id: 'act_cap2', amount: 5000, currency: 'USD' }),
      ...event('payment_refunded', { id: 'pay_1', action_id: 'act_ref1', amount: 3000, currency: 'EUR' }),
      ...event('dispute_evidence_required', { id: 'dsp_1', payment_id: 'pay_3', amount: 2500, currency: 'EUR' }),
    ];
    expect(announced.length).toBeGreaterThanOrEqual(4);
    const lines = linesOf(await itemsOf(financialActions, ACTIONS)).map(({ line }) => line);
    expect(openItems('checkout', [...announced, ...lines])).toEqual({
      'asset:processor_reserve[pay_1] - EUR': 1000n,
      'asset:disputes_receivable[pay_3] - EUR': 2500n,
      'liability:suspense[act_x/Teleportation] - EUR': -100n,
      [`asset:bank_in_transit[${BATCH}] - EUR`]: 6239n,
    });
  });

  const [HEADER = '', CAPTURE = ''] = ACTIONS.split('\n');
  const row = (
    action: string,
    breakdown: string,
    amount: string,
    type = 'Capture',
    payment = 'pay_9',
    payout = BATCH,
  ) =>
    CAPTURE.replace('Capture,act_cap1,pay_1', `${type},${action},${payment}`)
      .replace(',DE,Capture,100,100,', `,DE,${breakdown},${amount},${amount},`)
      .replace(`,${BATCH},`, `,${payout},`);
  const read = (...rows: readonly string[]) => itemsOf(financialActions, [HEADER, ...rows].join('\n'));

  it('many fractions of a cent are one rounding line of the payout among them', async () => {
    const rows = Array.from({ length: 9 }, (_, n) => row(`act_${n}`, 'Capture', '1.004'));
    const items = await read(...rows, row('act_p', 'Payout', '-9.04', 'Payout', ''));
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items).at(-1)).toMatchObject({
      line: { kind: 'rounding', gross: 4n, batch: BATCH, identity: `rounding/${BATCH}/EUR` },
    });
    expect(net(linesOf(items))).toBe(0n);
  });

  it('are no rounding of a payout that is not among them: more of its rows may stand in another file', async () => {
    const rows = Array.from({ length: 9 }, (_, n) => row(`act_${n}`, 'Capture', '1.004'));
    const items = await read(...rows);
    expect(items).toHaveLength(9);
    expect(net(linesOf(items))).toBe(900n);
  });

  it('what was paid out takes the rest, as long as it can be rounding', async () => {
    const rows = Array.from({ length: 9 }, (_, n) => row(`act_${n}`, 'Capture', '1.00'));
    const paid = await read(...rows, row('act_p', 'Payout', '-9.04', 'Payout', ''));
    expect(faultsOf(paid)).toEqual([]);
    expect(net(linesOf(paid))).toBe(0n);
    const short = await read(...rows, row('act_p', 'Payout', '-9.05', 'Payout', ''));
    expect(linesOf(short).some(({ line }) => line.kind === 'rounding')).toBe(false);
    expect(faultsOf(short)).toMatchObject([{ kind: 'contradiction', batch: BATCH, expected: '905', found: '900' }]);
  });

  it.each([
    ['Chargeback (CBRV)', 'Chargeback', '25', 'chargeback_reversal', 'pay_9'],
    ['Chargeback (RPDW)', 'Chargeback', '25', 'chargeback_reversal', 'pay_9'],
    ['Chargeback (ARWS)', 'Chargeback', '-25', 'chargeback', 'pay_9'],
    ['Chargeback (ARBL)', 'Chargeback', '-25', 'chargeback', 'pay_9'],
    ['Partial Capture', 'Partial Capture', '25', 'charge', 'pay_9'],
    ['Clearing Failed', 'Clearing Failed', '-25', 'charge', 'pay_9'],
    ['Clearing Failed', 'Clearing Failed', '25', 'refund_reversal', 'act_1'],
    ['Refund Fixed Fee', 'Refund', '-0.10', 'refund', 'act_1'],
    ['Payout', 'Card Payout', '-25', 'transfer', 'pay_9'],
    ['Security Deposit Reservation', 'Security Deposit Reservation', '-25', 'reserve_hold', undefined],
    ['Top Up', 'Operational Funding Reservation', '25', 'reserve_release', undefined],
    ['Top Up', 'Top Up', '25', 'topup', undefined],
    ['Invoice Settlement', 'Invoice Settlement', '-25', 'adjustment', undefined],
    ['A word of tomorrow', 'Capture', '25', 'other', undefined],
  ])('%s of %s by %s is %s', async (breakdown, type, amount, kind, reference) => {
    const [line] = linesOf(await read(row('act_1', breakdown, amount, type)));
    expect(line?.line).toMatchObject({ kind, ...(reference === undefined ? {} : { reference }) });
  });

  it('rows of an action that do not follow each other, and fees that are billed later, lose nothing', async () => {
    const items = await read(
      row('act_1', 'Partial Capture', '10'),
      row('act_2', 'Capture', '5'),
      row('act_1', 'Partial Capture', '20'),
      row('act_2', 'Interchange Fixed Fee', '-0.20', 'Capture', 'pay_9', '0000LATER'),
    );
    const lines = linesOf(items);
    expect(new Set(lines.map(({ line }) => line.identity)).size).toBe(4);
    expect(net(lines)).toBe(3480n);
    expect(lines.at(-1)?.line).toMatchObject({ kind: 'charge', gross: 0n, fee: 20n, batch: '0000LATER' });
  });

  it('money is the same line whichever of its costs the report has, and wherever they stand', async () => {
    const [capture, scheme, other] = [
      row('act_1', 'Capture', '10'),
      row('act_1', 'Scheme Fixed Fee', '-0.10'),
      row('act_2', 'Capture', '5'),
    ];
    const interchange = row('act_1', 'Interchange Fixed Fee', '-0.20');
    for (const [rows, fee] of [
      [[capture], 0n],
      [[capture, scheme], 10n],
      [[interchange, capture, scheme], 30n],
      [[capture, other, scheme], 0n],
    ] as const) {
      const [first] = linesOf(await read(...rows));
      expect(first?.line).toMatchObject({ identity: 'act_1/Capture', gross: 1000n, fee });
    }
  });

  it('a row without a payout has no batch yet', async () => {
    const lines = linesOf(await read(row('act_1', 'Capture', '1.005', 'Capture', 'pay_9', '')));
    expect(lines.map(({ line }) => line.batch)).toEqual([UNBATCHED]);
  });

  it.each([
    ['Holding Currency Amount', ',100,100,', ',100,1o0,'],
    ['Holding Currency', ',EUR,EUR,', ',EUR,EUX,'],
    ['Action ID', ',act_cap1,', ',,'],
    ['Breakdown Type', ',DE,Capture,', ',DE,,'],
    ['Processed On', /2026-03-02T10:00:00.000,EUR/, 'soon,EUR'],
    ['Processing Currency Amount', ',EUR,EUR,', ',XXX,EUR,'],
    ['Processing Currency Amount', /,EUR,EUR,(.*),100,100,/, ',USD,EUR,$1,100.001,100,'],
  ])('%s that cannot be read is named with its line', async (field, from, to) => {
    const faults = faultsOf(await itemsOf(financialActions, changed(ACTIONS, from, to)));
    const unreadable = faults.filter(({ kind }) => kind === 'unreadable');
    expect(unreadable).toMatchObject([{ row: 2, field }]);
  });

  it('a missing column is named, a row that is cut off as well', async () => {
    expect(faultsOf(await itemsOf(financialActions, changed(ACTIONS, 'Action ID', 'Id')))).toMatchObject([
      { kind: 'unreadable', row: 1, field: 'Action ID' },
    ]);
    const cut = await itemsOf(financialActions, ACTIONS.trimEnd().slice(0, -40));
    expect(faultsOf(cut)).toMatchObject([{ kind: 'unreadable', row: 17, value: null }]);
  });

  it('are the same however cut', () => expectSameHoweverCut(financialActions, ACTIONS));
  it('are no workbook', () => expectOthersRefused(financialActions));
});

describe('a settlement breakdown', () => {
  it('is a line a row, and one more for what is withheld', async () => {
    const items = await itemsOf(settlementBreakdown, BREAKDOWN);
    expect(faultsOf(items)).toEqual([]);
    expect(
      linesOf(items).map(({ row, residue, line: { kind, gross, fee, tax } }) => [row, kind, gross, fee, tax, residue]),
    ).toEqual([
      [2, 'charge', 10_000n, 83n, 12n, '-0.45'],
      [2, 'reserve_hold', -1000n, 0n, 0n, undefined],
      [3, 'charge', 4253n, 2n, 0n, '-0.39'],
      [4, 'refund', -3000n, 6n, 0n, '0.5'],
      [5, 'chargeback', -2500n, 1500n, 0n, undefined],
      [6, 'fee', 0n, 200n, 0n, undefined],
    ]);
    // The payouts report closes it: 59.50, as exactly as cents can be.
    const paid = linesOf(await itemsOf(payouts, PAYOUTS));
    expect(net(linesOf(items)) + net(paid)).toBe(0n);
    expect(paid).toMatchObject([{ line: { kind: 'payout', payout: BATCH, gross: -5950n }, keys: { bank: BATCH } }]);
  });

  it.each([
    ['Net In Holding Currency', ',89.0455,', ',89.0456,', 'contradiction'],
    ['Deduction In Holding Currency', ',-0.6011,', ',-0.6012,', 'contradiction'],
    ['Deduction In Holding Currency', ',-0.12,-10,', ',-0.12,-11,', 'contradiction'],
    ['Gross In Holding Currency', ',100,-10.9545,', ',1e2,-10.9545,', 'unreadable'],
    ['Tax In Holding Currency', ',-0.12,-10,', ',n/a,-10,', 'unreadable'],
    ['Holding Currency', '-03T00:00:00.000,EUR,', '-03T00:00:00.000,ZZZ,', 'unreadable'],
    ['Payout ID', ',0000MADE01,100,', ',,100,', 'unreadable'],
    ['Processed On', '2026-03-02T10:00:00.000', '2026-02-30T10:00:00.000', 'unreadable'],
  ])('%s that is wrong is told with its line', async (field, from, to, kind) => {
    const items = await itemsOf(settlementBreakdown, changed(BREAKDOWN, from, to));
    expect(faultsOf(items)).toMatchObject([{ kind, row: 2, field }]);
  });

  it('has the same lines in whatever zone it is read, and two where two are alike but for their time', async () => {
    // With a reserve, which is a line of its own.
    const [, first = ''] = BREAKDOWN.split('\n');
    const text = `${BREAKDOWN}${first.replace('T10:00', 'T23:00')}\n`;
    const identities = async (zone: string) =>
      linesOf(await itemsOf(settlementBreakdown, text, { zone })).map(({ line }) => line.identity);
    const read = await identities('UTC');
    expect(await identities('Europe/Berlin')).toEqual(read);
    expect([read.length, new Set(read).size]).toEqual([8, 8]);
  });

  it('is the same however cut', () => expectSameHoweverCut(settlementBreakdown, BREAKDOWN));
  it('is no workbook', () => expectOthersRefused(settlementBreakdown));
});

describe('a payouts report', () => {
  it.each([
    ['Payout Amount', ',59.5,', ',59.505,'],
    ['Payout Amount', ',59.5,', ',,'],
    ['Holding Currency', ',EUR,0000', ',EU,0000'],
    ['Payout Date', ',2026-03-03T02:00:00.000,', ',,'],
    ['Payout ID', ',0000MADE01,', ',,'],
  ])('%s that cannot be read is named', async (field, from, to) => {
    const faults = faultsOf(await itemsOf(payouts, changed(PAYOUTS, from, to)));
    expect(faults).toMatchObject([{ kind: 'unreadable', row: 2, field }]);
  });

  it('a payout of nothing is no payout, one below zero is taken from the bank', async () => {
    expect(await itemsOf(payouts, changed(PAYOUTS, ',59.5,', ',0,'))).toEqual([]);
    const [line] = linesOf(await itemsOf(payouts, changed(PAYOUTS, ',59.5,', ',-59.5,')));
    expect(line?.line).toMatchObject({ kind: 'payout', gross: 5950n });
  });

  it('is the same however cut', () => expectSameHoweverCut(payouts, PAYOUTS));
});

describe.skipIf(expectedInvariants === null)('the samples', () => {
  type Expected = { rows: number; sum_net: string; payout: string; payout_amount: string };
  const names = Object.keys(expectedInvariants ?? {}).filter((name) => name.startsWith('checkout/'));
  const find = (begins: string): [string, Expected] => {
    const name = names.find((one) => one.startsWith(`checkout/${begins}`)) ?? '';
    return [sample(name), expectedInvariants?.[name] as Expected];
  };

  it('the breakdown gives its rows and net, the payouts report its payout, a cent apart: rounding', async () => {
    expect(names).toHaveLength(2);
    const [breakdown, of] = find('settlement-breakdown');
    const items = await itemsOf(settlementBreakdown, breakdown);
    expect(faultsOf(items)).toEqual([]);
    expect(linesOf(items)).toHaveLength(of.rows);
    expect(net(linesOf(items))).toBe(BigInt(of.sum_net.replace('.', '')));
    expect(new Set(linesOf(items).map(({ line }) => line.batch))).toEqual(new Set([of.payout]));
    const [report, paid] = find('payouts');
    const lines = linesOf(await itemsOf(payouts, report));
    expect(lines).toHaveLength(paid.rows);
    expect(lines).toMatchObject([{ line: { payout: paid.payout, net: -BigInt(paid.payout_amount.replace('.', '')) } }]);
    const rounding = createBatchRounding();
    for (const line of [...linesOf(items), ...lines]) rounding.add(line, 2);
    expect(rounding.end()).toMatchObject([
      { line: { kind: 'rounding', net: 1n, batch: of.payout } },
      { type: 'batch' },
    ]);
  });
});
