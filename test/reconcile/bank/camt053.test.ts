import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { camt053 } from '../../../src/reconcile/bank/camt053.ts';
import { type ReadBank, readBank } from '../../support/bank-statements.ts';

const fixture = readFileSync('test/fixtures/bank/two-accounts.camt.053.001.08.xml', 'utf8');

type Parts = {
  readonly stmt?: string;
  readonly account?: string;
  readonly opening?: string | null;
  readonly closing?: string | null;
  readonly entries?: readonly string[];
};

const balance = (code: string, amount: string, currency = 'EUR'): string =>
  `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="${currency}">${amount}</Amt>` +
  '<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>';

const entry = (amount: string, inside = '', status = '<Sts>BOOK</Sts>'): string =>
  `<Ntry><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>${status}<BookgDt><Dt>2026-03-02</Dt></BookgDt>${inside}</Ntry>`;

const DEFAULT_ACCOUNT = '<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>';

function statement(parts: Parts = {}): string {
  const { stmt = '<Id>S-1</Id>', account = DEFAULT_ACCOUNT, opening = '0.00', closing = '0.00', entries = [] } = parts;
  return [
    '<Stmt>',
    stmt,
    account,
    opening === null ? '' : balance('OPBD', opening),
    closing === null ? '' : balance('CLBD', closing),
    ...entries,
    '</Stmt>',
  ].join('\n');
}

const message = (...inside: readonly string[]): string =>
  `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>\n${inside.join('\n')}\n</BkToCstmrStmt></Document>`;

const read = (xml: string): Promise<ReadBank> => readBank(camt053, xml);
const reasons = async (xml: string): Promise<string[]> => (await read(xml)).faults.map(({ reason }) => reason);

describe('a camt.053', () => {
  it('gives its booked entries with what a payout is found by', async () => {
    const { entries, faults } = await read(fixture);
    expect(faults).toEqual([]);
    expect(entries.map(({ row, amount, currency, identity }) => [row, amount, currency, identity])).toEqual([
      [17, 12_000n, 'EUR', '2026-03-01/BANK-0001/12000EUR'],
      [35, 6_450n, 'EUR', '2026-03-02/BANK-0002/6450EUR'],
      [40, 6_450n, 'EUR', '2026-03-02/BANK-0002/6450EUR/2'],
      [45, -7_000n, 'EUR', 'STMT-EUR-41//2026-03-02/100000EUR/4'],
      [56, 6_550n, 'EUR', 'STMT-EUR-41//2026-03-02/100000EUR/5'],
      [71, 1_200n, 'JPY', 'STMT-JPY-7//2026-03-02/-500JPY/1'],
    ]);
    expect(entries[0]).toMatchObject({
      account: 'DE02120300000000202051',
      statement: 'STMT-EUR-41',
      // 23:30 UTC is the next day in Berlin.
      at: Date.parse('2026-03-02T00:30:00+01:00'),
      valueAt: Date.parse('2026-03-02T00:00:00+01:00'),
      references: ['BANK-0001', '8a562c67-ca16-48ba-b074-65581be6f001'],
      counterparty: { name: 'Stripe Technology Europe Ltd', account: 'IE29AIBK93115212345678' },
      text: 'STRIPE PAYOUT po_1AbC & more SEPA credit',
      reversal: false,
    });
    expect(entries[0]?.raw).toMatch(/^<NtryRef>1<\/NtryRef><Amt Ccy="EUR">120.00<\/Amt>/);
  });

  it('gives the references of a batch, and no counterparty where there are several', async () => {
    const { entries } = await read(fixture);
    expect(entries[3]).toMatchObject({ references: ['RUN-7', 'E2E-1', 'E2E-2'], counterparty: { name: null } });
  });

  it('does not turn a reversal round, and keeps its other side', async () => {
    const { entries } = await read(fixture);
    expect(entries[4]).toMatchObject({ amount: 6_550n, reversal: true, counterparty: { name: 'Supplier' } });
  });

  it('proves each statement in its own currency, leaves pending entries out, and tells copies', async () => {
    const { statements } = await read(fixture);
    expect(statements).toMatchObject([
      {
        statement: 'STMT-EUR-41',
        number: { year: 2026, value: 41 },
        currency: 'EUR',
        opening: 100_000n,
        closing: 124_450n,
        entries: 5,
        sum: 24_450n,
        copy: false,
      },
      {
        statement: 'STMT-JPY-7',
        account: '0001 22',
        number: null,
        currency: 'JPY',
        opening: -500n,
        closing: 700n,
        entries: 1,
        sum: 1_200n,
        copy: true,
      },
    ]);
  });

  it.each([
    ['without namespace', (xml: string) => xml.replace(/ xmlns="[^"]*"/, '')],
    ['with a prefix', (xml: string) => xml.replace(' xmlns=', ' xmlns:n=').replaceAll(/<(\/?)(?=[A-Z])/g, '<$1n:')],
    ['with CR LF', (xml: string) => xml.replaceAll('\n', '\r\n')],
  ])('is the same %s', async (_name, change) => {
    expect((await read(change(fixture))).statements).toEqual((await read(fixture)).statements);
    expect((await read(change(fixture))).entries).toEqual((await read(fixture)).entries);
  });

  it.each(['utf-16le', 'latin1'] as const)('is read in %s', async (encoding) => {
    const name = encoding === 'latin1' ? 'ISO-8859-1' : 'UTF-16';
    const xml = `${encoding === 'latin1' ? '' : '\ufeff'}<?xml version="1.0" encoding="${name}"?>${message(
      statement({ closing: '1', entries: [entry('1', '<AddtlNtryInf>Müller</AddtlNtryInf>')] }),
    )}`;
    const { entries, faults } = await readBank(camt053, Buffer.from(xml, encoding));
    expect(faults).toEqual([]);
    expect(entries[0]?.text).toBe('Müller');
  });

  it('names an encoding it cannot read', async () => {
    expect(await reasons(`<?xml version="1.0" encoding="EBCDIC-US"?>${message(statement())}`)).toEqual([
      'is in the encoding "ebcdic-us", which is not read: save it as UTF-8',
    ]);
  });

  it('tells two days with the same statement id apart', async () => {
    const of = async (opening: string, closing: string) =>
      (await read(message(statement({ opening, closing, entries: [entry('5.00')] })))).entries[0]?.identity;
    expect(await of('0.00', '5.00')).not.toBe(await of('5.00', '10.00'));
    expect(await of('5.00', '10.00')).toBe(await of('5.00', '10.00'));
  });

  it('gives the same identity by the bank’s reference, whichever statement brings the booking', async () => {
    const of = async (id: string) =>
      (
        await read(
          message(
            statement({ stmt: `<Id>${id}</Id>`, closing: '5', entries: [entry('5', '<AcctSvcrRef>R1</AcctSvcrRef>')] }),
          ),
        )
      ).entries[0]?.identity;
    expect(await of('DAY-1')).toBe(await of('MONTH-1'));
  });

  const transaction = (reference: string): string =>
    `<TxDtls><Refs><AcctSvcrRef>${reference}</AcctSvcrRef><EndToEndId>E-1</EndToEndId></Refs></TxDtls>`;
  const identityOf = async (id: string, inside: string): Promise<string | undefined> =>
    (await read(message(statement({ stmt: `<Id>${id}</Id>`, closing: '5', entries: [entry('5', inside)] })))).entries[0]
      ?.identity;

  it.each([
    ['', ''],
    ['<AcctSvcrRef>NONREF</AcctSvcrRef>', ''],
    ['', '<Btch><NbOfTxs>1</NbOfTxs></Btch>'],
  ])('takes the bank’s reference of the only transaction of an entry that has none (%s%s)', async (own, batch) => {
    const inside = `${own}<NtryDtls>${batch}${transaction('R 1')}</NtryDtls>`;
    expect(await identityOf('DAY-1', inside)).toBe('2026-03-02/R 1/500EUR');
    expect(await identityOf('MONTH-1', inside)).toBe(await identityOf('DAY-1', '<AcctSvcrRef>R 1</AcctSvcrRef>'));
  });

  it.each([
    ['of several', `<NtryDtls>${transaction('R1')}${transaction('R2')}</NtryDtls>`],
    ['of several with one of them', `<NtryDtls>${transaction('R1')}<TxDtls></TxDtls></NtryDtls>`],
    ['of several apart', `<NtryDtls>${transaction('R1')}</NtryDtls><NtryDtls>${transaction('R1')}</NtryDtls>`],
    ['of a batch that is not all told', `<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>${transaction('R1')}</NtryDtls>`],
    ['that is a filler', `<NtryDtls>${transaction('NOTPROVIDED')}</NtryDtls>`],
  ])('takes no bank’s reference of a transaction %s', async (_name, inside) => {
    expect(await identityOf('S-1', inside)).toBe('S-1//2026-03-02/0EUR/1');
  });

  it('prefers the bank’s reference of the entry', async () => {
    const inside = `<AcctSvcrRef>OWN</AcctSvcrRef><NtryDtls>${transaction('R1')}</NtryDtls>`;
    expect(await identityOf('S-1', inside)).toBe('2026-03-02/OWN/500EUR');
  });

  it('takes a filler for no reference', async () => {
    const { entries } = await read(
      message(statement({ closing: '5', entries: [entry('5', '<AcctSvcrRef>NOTPROVIDED</AcctSvcrRef>')] })),
    );
    expect(entries[0]).toMatchObject({ references: [], identity: 'S-1//2026-03-02/0EUR/1' });
  });
});

describe('a camt.053 that contradicts itself', () => {
  it('because it does not close', async () => {
    const { faults } = await read(message(statement({ opening: '10.00', closing: '20.00', entries: [entry('9.99')] })));
    expect(faults).toMatchObject([
      { kind: 'contradiction', row: 2, statement: 'S-1', expected: '20.00 EUR', found: '19.99 EUR' },
    ]);
  });

  it.each([
    ['an opening balance', { opening: null, closing: '0' }, 'only the closing balance'],
    ['a closing balance', { opening: '0', closing: null }, 'only the opening balance'],
    ['both', { opening: null, closing: null, entries: [entry('1')] }, 'neither'],
  ])('because it lacks %s', async (_name, parts, found) => {
    expect((await read(message(statement(parts)))).faults).toMatchObject([{ kind: 'contradiction', found }]);
  });

  it('because its summary counts more entries, or another sum', async () => {
    const summary = '<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries><Sum>2.01</Sum></TtlNtries></TxsSummry>';
    const { faults } = await read(message(statement({ closing: '2', entries: [summary, entry('1'), entry('1')] })));
    expect(faults).toMatchObject([
      { field: 'TtlNtries/NbOfNtries', expected: '3 entries', found: '2 entries' },
      { field: 'TtlNtries/Sum', expected: '2.01 EUR', found: '2.00 EUR' },
    ]);
  });

  const details = (count: number, ...amounts: readonly string[]): string =>
    `<NtryDtls><Btch><NbOfTxs>${count}</NbOfTxs></Btch>${amounts
      .map((one) => `<TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">${one}</Amt></TxAmt></AmtDtls></TxDtls>`)
      .join('')}</NtryDtls>`;

  it('because a batch does not come to its entry', async () => {
    const { faults } = await read(message(statement({ closing: '5', entries: [entry('5', details(2, '2', '2.99'))] })));
    expect(faults).toMatchObject([{ row: 7, statement: 'S-1', expected: '5.00 EUR', found: '4.99 EUR' }]);
  });

  it('because a batch lacks a transaction', async () => {
    const { faults } = await read(message(statement({ closing: '5', entries: [entry('5', details(3, '2', '3'))] })));
    expect(faults).toMatchObject([{ expected: '3 transactions', found: '2 transactions' }]);
  });

  it('but not where a batch is told without its transactions, or less its charges', async () => {
    const charged = details(2, '3', '3').replace('<TxDtls>', '<TxDtls><Chrgs><Amt Ccy="EUR">1</Amt></Chrgs>');
    const entries = [entry('5', details(9)), entry('5', charged)];
    expect(await reasons(message(statement({ closing: '10', entries })))).toEqual([]);
  });

  it('because it is in the file twice: with the same references it would be posted twice', async () => {
    const one = statement({ closing: '5', entries: [entry('5', '<AcctSvcrRef>R1</AcctSvcrRef>')] });
    expect((await read(message(one, one))).faults).toMatchObject([{ expected: 'once', found: 'twice' }]);
  });

  it('but not because the month’s tells what the day’s told: that is one booking, and two of one statement are two', async () => {
    const inside = '<AcctSvcrRef>R1</AcctSvcrRef>';
    const of = (id: string, ...entries: string[]): string =>
      statement({ stmt: `<Id>${id}</Id>`, closing: String(5 * entries.length), entries });
    const twice = [entry('5', inside), entry('5', inside)];
    const { entries, faults } = await read(message(of('DAY', ...twice), of('MONTH', ...twice, entry('5', inside))));
    const first = '2026-03-02/R1/500EUR';
    expect(faults).toEqual([]);
    expect(entries.map(({ identity }) => identity)).toEqual([first, `${first}/2`, first, `${first}/2`, `${first}/3`]);
  });

  it('but not because two accounts have statements of one id', async () => {
    const one = statement({ closing: '5', entries: [entry('5')] });
    expect(await reasons(message(one, one.replace('DE02120300000000202051', 'DE02120300000000202052')))).toEqual([]);
  });

  it('because the next statement by number opens with something else', async () => {
    const numbered = (no: number, opening: string, closing: string): string =>
      statement({
        stmt: `<Id>S-${no}</Id><ElctrncSeqNb>${no}</ElctrncSeqNb>`,
        opening,
        closing,
        entries: [entry('5')],
      });
    expect(await reasons(message(numbered(1, '0', '5'), numbered(2, '5', '10')))).toEqual([]);
    expect((await read(message(numbered(1, '0', '5'), numbered(2, '6', '11')))).faults).toMatchObject([
      { expected: '5.00 EUR', found: '6.00 EUR' },
    ]);
    // With 2 left out it may well.
    expect(await reasons(message(numbered(1, '0', '5'), numbered(3, '6', '11')))).toEqual([]);
  });
});

describe('pages of one statement', () => {
  const page = (no: number, isLast: boolean, parts: Parts): string =>
    statement({
      ...parts,
      stmt: `<Id>S-1</Id><StmtPgntn><PgNb>${no}</PgNb><LastPgInd>${isLast}</LastPgInd></StmtPgntn>`,
    });
  const first = page(1, false, { opening: '0', closing: null, entries: [entry('1')] });
  const second = page(2, false, { opening: null, closing: null, entries: [entry('2')] });
  const third = (closing: string): string => page(3, true, { opening: null, closing, entries: [entry('3')] });

  it('are proven together, and their entries are three', async () => {
    const { entries, faults } = await read(message(first, second, third('6')));
    expect(faults).toEqual([]);
    expect(new Set(entries.map(({ identity }) => identity)).size).toBe(3);
  });

  it('count equal bookings together, though each page has an id of its own', async () => {
    const booked = entry('1', '<AcctSvcrRef>R1</AcctSvcrRef>');
    const of = (no: number, isLast: boolean, parts: Parts): string =>
      page(no, isLast, { ...parts, entries: [booked] }).replace(
        '<Id>S-1</Id>',
        `<Id>P-${no}</Id><ElctrncSeqNb>9</ElctrncSeqNb>`,
      );
    const other = statement({ stmt: '<Id>M</Id>', closing: '1', entries: [booked] });
    const { entries, faults } = await read(
      message(
        of(1, false, { opening: '0', closing: null }),
        other.replace('202051', '202052'),
        of(2, true, { opening: null, closing: '2' }),
        other,
      ),
    );
    expect(faults).toEqual([]);
    expect(entries.map(({ account, identity }) => `${account.slice(-2)} ${identity}`)).toEqual([
      '51 2026-03-02/R1/100EUR',
      '52 2026-03-02/R1/100EUR',
      '51 2026-03-02/R1/100EUR/2',
      '51 2026-03-02/R1/100EUR',
    ]);
  });

  it('do not close where an entry is missing', async () => {
    expect((await read(message(first, second, third('7')))).faults).toMatchObject([
      { expected: '7.00 EUR', found: '6.00 EUR' },
    ]);
  });

  it('contradict themselves where one is missing', async () => {
    const { faults } = await read(message(first, third('6')));
    expect(faults).toMatchObject([{ expected: 'S-1 page 2', found: 'S-1 page 3' }, { kind: 'contradiction' }]);
  });

  it('are refused without the first, and without the last', async () => {
    expect(await reasons(message(third('6')))).toEqual([expect.stringContaining('hand in all pages as one')]);
    expect(await reasons(message(first, second))).toEqual([expect.stringContaining('hand in all pages as one')]);
  });

  it('are proven each by itself where each has interim balances', async () => {
    const own = [balance('OPBD', '0'), balance('ITBD', '1'), entry('1')];
    const next = [balance('ITBD', '1'), balance('CLBD', '3'), entry('2')];
    const pages = [
      page(1, false, { opening: null, closing: null, entries: own }),
      page(2, true, { opening: null, closing: null, entries: next }),
    ];
    const { statements, faults } = await read(message(...pages));
    expect(faults).toEqual([]);
    expect(statements.map(({ opening, closing }) => [opening, closing])).toEqual([
      [0n, 100n],
      [100n, 300n],
    ]);
  });
});

describe('what cannot be read in a camt.053', () => {
  it.each([
    ['a garbled amount', entry('12..34'), 'Amt', '12..34'],
    ['a negative amount', entry('-1.00'), 'Amt', '-1.00'],
    ['an amount below the minor unit', entry('1.00001'), 'Amt', '1.00001'],
    ['an amount beyond 64 bits', entry('1'.repeat(30)), 'Amt', '1'.repeat(30)],
    ['no amount', entry(''), 'Amt', ''],
    ['no currency', entry('1').replace('Ccy="EUR"', ''), 'Amt', '1'],
    ['an unknown currency', entry('1').replace('EUR', 'XXX'), 'Amt', '1'],
    ['no direction', entry('1').replace('CRDT', 'CREDIT'), 'CdtDbtInd', 'CREDIT'],
    ['an unknown status', entry('1').replace('BOOK', 'DONE'), 'Sts', 'DONE'],
    ['a day that is none', entry('1').replace('2026-03-02', '2026-02-30'), 'BookgDt/Dt', '2026-02-30'],
    ['no day', entry('1').replace(/<BookgDt>.*<\/BookgDt>/, ''), 'BookgDt', null],
  ])('%s is named with its line, and nothing else is', async (_name, wrong, field, value) => {
    const { entries, faults } = await read(
      message(statement({ closing: '2', entries: [entry('1'), wrong, entry('1')] })),
    );
    expect(faults).toEqual([expect.objectContaining({ kind: 'unreadable', row: 8, field, value })]);
    expect(entries).toHaveLength(2);
  });

  it.each([
    ['an account', message(statement({ account: '' })), 'has no account'],
    ['an id', message(statement({ stmt: '' })), 'has no id'],
    ['a statement', message(), 'has no statement: a message without any is no proof of days without bookings'],
    ['a message', '<Document><CstmrCdtTrfInitn/></Document>', 'is no camt.053 message: it has no BkToCstmrStmt'],
    ['anything', '', expect.stringContaining('is no well-formed XML')],
    ['its end', message(statement()).slice(0, -30), expect.stringContaining('is no well-formed XML')],
  ])('a file without %s', async (_name, xml, reason) => {
    expect(await reasons(xml)).toContainEqual(reason);
  });

  it.each([
    ['BkToCstmrAcctRpt', 'Rpt', 'an interim report (camt.052)'],
    ['BkToCstmrDbtCdtNtfctn', 'Ntfctn', 'a notification of single bookings (camt.054)'],
  ])('entries of a %s are counted and refused: the statement tells them again', async (root, holder, what) => {
    const xml = message(statement({ entries: [entry('1'), entry('2')] }))
      .replaceAll('BkToCstmrStmt', root)
      .replaceAll('Stmt>', `${holder}>`);
    const told = await read(xml);
    expect(told.entries).toEqual([]);
    expect(told.faults).toMatchObject([{ kind: 'unreadable', row: 2, field: holder }]);
    expect(told.faults[0]?.reason).toContain(`is ${what} and no statement: its 2 entries (3.00 EUR) are not imported`);
  });
});
