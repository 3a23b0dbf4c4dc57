import { describe, expect, it } from 'vitest';
import type { Allocation, WriteOff } from '../../../src/ledger/match-rules.ts';
import { lineFault, type SettlementLine } from '../../../src/settlement-line.ts';
import { bankLine, eur, line, period } from '../books.ts';
import { drafted } from './shown.ts';

/* What each line of a report or statement becomes, to the letter; what is left of it in the books is in ../lines.test.ts. */

const SETTLED = '  asset:processor_balance:t:a [B1] EUR';
const PENDING = '  asset:processor_pending:t:a';

const MOVEMENTS = ['charge', 'refund', 'refund_reversal', 'transfer', 'platform_fee'] as const;
const DISPUTES = ['chargeback', 'chargeback_reversal'] as const;

describe('a line about something announced', () => {
  it.each([...MOVEMENTS, ...DISPUTES])('%s clears it', (kind) => {
    expect(drafted(line(kind, 'l:1', { reference: 'x', gross: 1000n, zone: 'Europe/Berlin' }))).toEqual([
      `line:l%3A1 settlement.${kind} in Europe/Berlin`,
      `${SETTLED} 1000`,
      `${PENDING} [x gross] EUR -1000`,
    ]);
  });

  it.each([
    ...MOVEMENTS.map((kind) => [kind, 'expense:processing_fees:t:a'] as const),
    ...DISPUTES.map((kind) => [kind, 'expense:dispute_fees'] as const),
  ])('%s recognises its fee as an expense', (kind, expense) => {
    expect(drafted(line(kind, 'l', { reference: 'x', gross: 1000n, fee: 29n, tax: 5n }))).toEqual([
      `line:l settlement.${kind} in UTC`,
      `${SETTLED} 966`,
      `${PENDING} [x fee] EUR 29`,
      '  asset:tax_recoverable EUR 5',
      `${PENDING} [x gross] EUR -1000`,
      'line:l:fee_recognised fee.recognised in UTC fee_recognised(x)',
      `  ${expense} EUR 29`,
      `${PENDING} [x fee] EUR -29`,
    ]);
  });

  it('in another currency than was paid goes through the exchange position', () => {
    const payer = { amount: -1000n, currency: 'USD' };
    const told = line('refund', 'l', { reference: 'r', component: 'dispute', payer, gross: -900n, fee: -9n });
    expect(drafted(told)).toEqual([
      'line:l settlement.refund in UTC',
      `${SETTLED} -891`,
      `${PENDING} [r dispute] USD 1000`,
      '  asset:fx_position USD -1000',
      `${PENDING} [r fee] EUR -9`,
      '  asset:fx_position EUR 900',
      'line:l:fee_recognised fee.recognised in UTC fee_recognised(r)',
      '  expense:processing_fees:t:a EUR -9',
      `${PENDING} [r fee] EUR 9`,
    ]);
  });

  it('of nothing is nothing', () => {
    expect(drafted(line('charge', 'l', { reference: 'p' }))).toEqual(['line:l settlement.charge in UTC']);
  });
});

describe('a line about the balance', () => {
  it.each<[SettlementLine, string[]]>([
    [
      line('fee', 'l', { fee: 250n, tax: 40n }),
      ['-290', 'expense:processing_fees:t:a EUR 250', 'asset:tax_recoverable EUR 40'],
    ],
    [
      line('tax', 'l', { fee: 1n, tax: 40n }),
      ['-41', 'expense:processing_fees:t:a EUR 1', 'asset:tax_recoverable EUR 40'],
    ],
    [line('fx_conversion', 'l', { gross: -1000n }), ['-1000', 'asset:fx_position EUR 1000']],
    [line('rounding', 'l', { gross: -1n }), ['-1', 'expense:rounding EUR 1']],
    [line('adjustment', 'l', { gross: 70n, fee: 2n }), ['68', 'liability:suspense:t:a [l] EUR -68']],
    [line('other', 'l', { gross: -70n, tax: 2n }), ['-72', 'liability:suspense:t:a [l] EUR 72']],
    [line('reserve_hold', 'l', { hold: 'h', gross: -500n }), ['-500', 'asset:processor_reserve:t:a [h] EUR 500']],
    [line('reserve_release', 'l', { hold: 'h', gross: 500n }), ['500', 'asset:processor_reserve:t:a [h] EUR -500']],
    [
      line('carry_forward', 'l', { from: 'B1', to: 'B2', gross: -70n }),
      ['-70', 'asset:processor_balance:t:a [carry:B1>B2] EUR 70'],
    ],
  ])('$kind', (told, [settled, ...legs]) => {
    expect(drafted(told)).toEqual([
      `line:l settlement.${told.kind} in UTC`,
      `${SETTLED} ${settled}`,
      ...legs.map((leg) => `  ${leg}`),
    ]);
  });

  it('keeps what is in suspense under the identity as the reader gave it', () => {
    expect(drafted(line('other', 'a:b', { gross: 1n }))).toEqual([
      'line:a%3Ab settlement.other in UTC',
      `${SETTLED} 1`,
      '  liability:suspense:t:a [a:b] EUR -1',
    ]);
  });
});

describe('a line about a payout', () => {
  const created = (amount: number): string[] => [
    'po:created payout.created in Europe/Berlin yields paid_out(po)',
    `  asset:bank_in_transit:t:a [po] EUR ${amount}`,
    `  asset:processor_balance:t:a [po] EUR ${-amount}`,
  ];

  it.each([
    ['payout', -900n],
    ['topup', 900n],
  ] as const)('%s implies it, and closes it with what it cost', (kind, gross) => {
    expect(drafted(line(kind, 'l', { payout: 'po', gross, fee: 25n, zone: 'Europe/Berlin' }))).toEqual([
      ...created(-Number(gross)),
      `line:l settlement.${kind} in Europe/Berlin`,
      `${SETTLED} ${gross - 25n}`,
      '  expense:payout_fees EUR 25',
      `  asset:processor_balance:t:a [po] EUR ${-gross}`,
    ]);
  });

  it('that is its batch leaves only what it cost', () => {
    const told = line('payout', 'l', { batch: 'po', payout: 'po', gross: -900n, fee: 25n, zone: 'Europe/Berlin' });
    expect(drafted(told)).toEqual([
      ...created(900),
      'line:l settlement.payout in Europe/Berlin',
      '  asset:processor_balance:t:a [po] EUR -25',
      '  expense:payout_fees EUR 25',
    ]);
  });

  it('in another currency implies what arrives at the bank', () => {
    const settled = { amount: 1080n, currency: 'USD' };
    expect(drafted(line('payout', 'l', { payout: 'po', gross: -900n, settled }))).toEqual([
      'po:created payout.created in UTC yields paid_out(po)',
      '  asset:bank_in_transit:t:a [po] USD 1080',
      '  asset:fx_position USD -1080',
      '  asset:fx_position EUR 900',
      '  asset:processor_balance:t:a [po] EUR -900',
      'line:l settlement.payout in UTC',
      `${SETTLED} -900`,
      '  asset:processor_balance:t:a [po] EUR 900',
    ]);
  });

  it('that came back implies that it was made and that it failed', () => {
    expect(drafted(line('payout_reversal', 'l', { payout: 'po', gross: 900n, zone: 'Europe/Berlin' }))).toEqual([
      ...created(900),
      'po:failed payout.failed in Europe/Berlin yields undone(po)',
      '  asset:bank_in_transit:t:a [po] EUR -900',
      '  asset:processor_balance:t:a [po] EUR 900',
      'line:l settlement.payout_reversal in Europe/Berlin',
      `${SETTLED} 900`,
      '  asset:processor_balance:t:a [po] EUR -900',
    ]);
  });
});

const pays = (gross: bigint, amount: bigint, currency = 'USD'): SettlementLine =>
  line('charge', 'l', { reference: 'p', gross, payer: { amount, currency } });

describe('a line that contradicts itself', () => {
  it.each<[SettlementLine, string]>([
    [
      { ...line('charge', 'l', { reference: 'p', gross: 10n, fee: 2n, tax: 1n }), net: 8n },
      'net 8 is not gross 10 − fee 2 − tax 1',
    ],
    [{ ...line('other', 'l', { gross: 10n, fee: 2n }), net: 12n }, 'net 12 is not gross 10 − fee 2 − tax 0'],
    [{ ...line('other', 'l', { gross: 10n, tax: 2n }), net: 12n }, 'net 12 is not gross 10 − fee 0 − tax 2'],
    [line('fee', 'l', { gross: 5n, fee: 5n }), 'gross of a fee line must be 0, not 5'],
    [line('tax', 'l', { gross: -5n, tax: 5n }), 'gross of a tax line must be 0, not -5'],
    [
      line('payout', 'l', { payout: 'po', gross: -5n, tax: 1n }),
      'a payout line has no tax: 1 is for a line of its own',
    ],
    [line('topup', 'l', { payout: 'po', gross: 5n, tax: -1n }), 'a topup line has no tax: -1 is for a line of its own'],
    ...(
      ['reserve_hold', 'reserve_release', 'carry_forward', 'fx_conversion', 'rounding', 'payout_reversal'] as const
    ).flatMap((kind) =>
      [{ fee: 1n }, { tax: 1n }, { fee: 1n, tax: -1n }].map((costs): [SettlementLine, string] => [
        line(kind, 'l', { hold: 'h', from: 'a', to: 'b', payout: 'po', gross: 5n, ...costs }),
        `a ${kind} line has neither fee nor tax: they are for lines of their own`,
      ]),
    ),
    [pays(5n, 5n, 'EUR'), "the payer's amount is only for another currency than EUR"],
    [pays(5n, -6n), "the payer's amount -6 and gross 5 have opposite signs"],
    [pays(-5n, 6n), "the payer's amount 6 and gross -5 have opposite signs"],
  ])('is refused: %#', (told, fault) => {
    expect(lineFault(told)).toBe(fault);
    expect(() => drafted(told)).toThrow(
      expect.objectContaining({ code: 'rule_failed', message: `settlement line l: ${fault}` }),
    );
  });

  it.each<[string, SettlementLine]>([
    ['a payer of what is settled as nothing', pays(0n, -6n)],
    ['a payer of nothing', pays(-6n, 0n)],
    ['both negative', pays(-5n, -6n)],
    ['both positive', pays(5n, 6n)],
    ['an adjustment with a fee and tax', line('adjustment', 'l', { gross: 5n, fee: 1n, tax: 1n })],
    ['a charge with a fee and tax', line('charge', 'l', { reference: 'p', gross: 5n, fee: 1n, tax: 1n })],
    ['a payout with a fee', line('payout', 'l', { payout: 'po', gross: -5n, fee: 1n })],
  ])('is not: %s', (_name, told) => {
    expect(lineFault(told)).toBeNull();
    expect(() => drafted(told)).not.toThrow();
  });
});

describe('a balance of a period', () => {
  it('opens with what the period before closed with', () => {
    expect(drafted({ ...period('settlement.opening', 'P:2', 'P:1', 40n), zone: 'Asia/Tokyo' })).toEqual([
      'period:P%3A2:opening:EUR settlement.opening in Asia/Tokyo',
      '  asset:processor_balance:t:a [P:2] EUR 40',
      '  asset:processor_balance:t:a [carry:P:1>P:2] EUR -40',
    ]);
  });

  it('closes with what the period after opens with', () => {
    expect(drafted(period('settlement.closing', 'P1', 'P2', 40n))).toEqual([
      'period:P1:closing:EUR settlement.closing in UTC',
      '  asset:processor_balance:t:a [P1] EUR -40',
      '  asset:processor_balance:t:a [carry:P1>P2] EUR 40',
    ]);
  });

  it('was there before us where no period is before or after', () => {
    expect(drafted(period('settlement.opening', 'P1', null, 40n))).toEqual([
      'period:P1:opening:EUR settlement.opening in UTC',
      '  asset:processor_balance:t:a [P1] EUR 40',
      '  equity:opening_balances EUR -40',
    ]);
    expect(drafted(period('settlement.closing', 'P1', null, 40n))).toEqual([
      'period:P1:closing:EUR settlement.closing in UTC',
      '  asset:processor_balance:t:a [P1] EUR -40',
      '  equity:opening_balances EUR 40',
    ]);
  });
});

it('drafts a line of a bank statement under bank account and identity', () => {
  expect(drafted({ ...bankLine('x:1', 'po', 900n), bankAccount: 'DE:1', zone: 'Europe/Berlin' })).toEqual([
    'bank:DE%3A1:x%3A1 bank.line in Europe/Berlin',
    '  asset:bank:DE%3A1 EUR 900',
    '  asset:bank_in_transit:t:a [po] EUR -900',
  ]);
});

describe('what is matched or given up', () => {
  const match = (item: Allocation['item'], debit: Allocation['debit'], credit: Allocation['credit']): Allocation => ({
    type: 'match.allocated',
    id: 'm',
    item,
    debit,
    credit,
    ...eur(70n),
  });
  const ITEMS: readonly [Allocation['item'], string][] = [
    ['bank_in_transit', 'asset:bank_in_transit:t:a'],
    ['processor_pending', 'asset:processor_pending:t:a'],
    ['processor_balance', 'asset:processor_balance:t:a'],
    ['processor_reserve', 'asset:processor_reserve:t:a'],
    ['disputes_receivable', 'asset:disputes_receivable:t:a'],
    ['refunds_payable', 'liability:refunds_payable:t:a'],
    ['suspense', 'liability:suspense:t:a'],
  ];

  it.each(ITEMS)('two items of %s', (item, path) => {
    expect(drafted(match(item, { reference: 'x' }, { reference: 'y', component: 'fee' }))).toEqual([
      'match:m match.allocated',
      `  ${path} [x] EUR 70`,
      `  ${path} [y fee] EUR -70`,
    ]);
  });

  it('two components of one reference', () => {
    const told = match(
      'processor_pending',
      { reference: 'x', component: 'gross' },
      { reference: 'x', component: 'fee' },
    );
    expect(drafted(told)).toEqual([
      'match:m match.allocated',
      '  asset:processor_pending:t:a [x gross] EUR 70',
      '  asset:processor_pending:t:a [x fee] EUR -70',
    ]);
  });

  it('two references with one component', () => {
    const told = match('processor_pending', { reference: 'x', component: 'fee' }, { reference: 'y', component: 'fee' });
    expect(drafted(told)[1]).toBe('  asset:processor_pending:t:a [x fee] EUR 70');
  });

  it.each([{ reference: 'x' }, { reference: 'x', component: 'fee' } as const])('never an item with itself', (item) => {
    expect(() => drafted(match('processor_pending', item, { ...item }))).toThrow(
      expect.objectContaining({ code: 'rule_failed', message: 'match m allocates x to itself' }),
    );
  });

  it.each(ITEMS)('an item of %s that stays open', (item, path) => {
    const told: WriteOff = { type: 'write_off', id: 'w', item, reference: 'x', component: 'fee', ...eur(-3n) };
    expect(drafted(told)).toEqual([
      'write_off:w write_off',
      '  expense:reconciliation_differences EUR -3',
      `  ${path} [x fee] EUR 3`,
    ]);
  });
});
