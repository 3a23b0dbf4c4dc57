import { expect, it } from 'vitest';
import { endsReport, hasFooters, reportName, reportPart } from '../../../src/providers/paypal/report-name.ts';
import { fixture } from '../../support/settlement-fixtures.ts';

const WHOLE = fixture('paypal', 'STL-20260302.01.009.CSV');
const [FIRST = '', SECOND = '', LAST = ''] = [1, 2, 3].map((n) => fixture('paypal', `STL-20260302.A.0${n}.03.009.CSV`));

it('reads the names of one account and of several', () => {
  expect(reportName('STL-20260302.01.009.CSV')).toEqual({
    family: 'STL',
    date: '2026-03-02',
    window: null,
    number: 1,
    total: null,
    version: '009',
  });
  expect(reportName('/ppreports/outgoing/trr-20260302.h.02.03.011.csv')).toMatchObject({
    family: 'TRR',
    window: 'H',
    number: 2,
    total: 3,
  });
  expect(reportName('STL-20260302.A.02.009.CSV')).toMatchObject({ window: 'A', number: 2, total: null });
  for (const name of [null, '', 'settlement.csv', 'STL-2026030.01.009.CSV', 'STL-20260302.01.009.CSV.gz'])
    expect(reportName(name)).toBeNull();
});

it('knows the parts of a report by the names that count them', () => {
  const part = (n: number, head: string) => reportPart(head, `STL-20260302.A.0${n}.03.009.CSV`);
  const key = 'STL-2026-03-02.A.009';
  expect(part(1, FIRST)).toEqual({ key, number: 1, last: false });
  expect(part(2, SECOND)).toEqual({ key, number: 2, last: false });
  expect(part(3, LAST)).toEqual({ key, number: 3, last: true });
  expect(reportPart(WHOLE, 'STL-20260302.A.01.01.009.CSV')).toBeNull();
});

it('leaves it to their ends where the names do not', () => {
  const part = (n: number, head: string) => reportPart(head, `STL-20260302.0${n}.009.CSV`);
  const key = 'STL-2026-03-02.009';
  expect(part(1, FIRST)).toEqual({ key, number: 1, last: null });
  expect(part(2, SECOND)).toEqual({ key, number: 2, last: null });
  expect(part(3, LAST)).toEqual({ key, number: 3, last: true });
  expect(part(1, WHOLE)).toBeNull();
  expect([FIRST, SECOND, LAST, WHOLE].map(hasFooters)).toEqual([false, false, true, true]);
  expect([FIRST, SECOND, LAST, WHOLE].map(endsReport)).toEqual([false, false, true, true]);
  expect(reportPart(FIRST, 'download.csv')).toBeNull();
});

it('waits for nothing after a file that is cut off', () => {
  const cut = (text: string, at: number) => text.slice(0, text.lastIndexOf('\n', text.length - at) + 9);
  for (const text of [FIRST, SECOND]) {
    expect(endsReport(text.trimEnd())).toBe(false);
    expect(endsReport(`${text.replaceAll('\n', '\r\n')}\r\n`)).toBe(false);
    expect(endsReport(text.replace(/"FF",.*\s*$/, ''))).toBe(true);
    expect(endsReport(cut(text, 40))).toBe(true);
  }
});
