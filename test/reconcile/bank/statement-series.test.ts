import { describe, expect, it } from 'vitest';
import { dayBegins, gapsAmong, type StatementInSeries } from '../../../src/reconcile/bank/statement-series.ts';

type Told = Partial<Omit<StatementInSeries, 'number' | 'from' | 'to'>> & {
  readonly no?: number;
  readonly year?: number | null;
  /** First and last day; one of them: its only day. */
  readonly days: readonly [string, string?];
  readonly opens: number;
  readonly closes: number;
};

/** `opens > closes`, with a number where it has one. */
function statement({ no, year = 2026, days: [from, to = from], opens, closes, ...rest }: Told): StatementInSeries {
  return {
    file: 'f',
    statement: `${from}${no === undefined ? '' : ` no ${no}`}`,
    number: no === undefined ? null : { year, value: no },
    opening: BigInt(opens),
    closing: BigInt(closes),
    from: Date.parse(from),
    to: Date.parse(to),
    isDownload: false,
    ...rest,
  };
}

/** In every order of a few: `before → after: between, missing`. */
function gaps(told: readonly Told[], numbers: readonly StatementInSeries['number'][] = []): string[] {
  const all = told.map(statement);
  const found = [all, all.toReversed(), [...all.slice(1), ...all.slice(0, 1)]].map((order) =>
    gapsAmong(order, [...numbers, ...order.map(({ number }) => number)])
      .map(({ before, after, between, missing }) => `${before.statement} → ${after.statement}: ${between}, ${missing}`)
      .sort(),
  );
  for (const other of found) expect(other).toEqual(found[0]);
  return found[0] ?? [];
}

const day = (d: number): string => `2026-03-${String(d).padStart(2, '0')}`;

describe('statements that join', () => {
  it.each<[string, Told[]]>([
    ['the first there ever was', [{ days: [day(2)], opens: 7, closes: 9, no: 40 }]],
    [
      'by number and balance',
      [
        { days: [day(2)], opens: 0, closes: 5, no: 1 },
        { days: [day(3)], opens: 5, closes: 2, no: 2 },
        { days: [day(6)], opens: 2, closes: 2, no: 3 },
      ],
    ],
    [
      'a number that begins anew with the year',
      [
        { days: ['2025-12-31'], opens: 0, closes: 5, no: 250, year: 2025 },
        { days: ['2026-01-02'], opens: 5, closes: 6, no: 1 },
        { days: ['2026-01-05'], opens: 6, closes: 7, no: 2 },
      ],
    ],
    [
      'a number that begins anew with the month, or is 1 every day',
      [
        { days: ['2026-01-30'], opens: 0, closes: 5, no: 22 },
        { days: ['2026-02-02'], opens: 5, closes: 6, no: 1 },
        { days: ['2026-02-03'], opens: 6, closes: 7, no: 1 },
      ],
    ],
    [
      'the day of the year as a number',
      [
        { days: [day(5)], opens: 0, closes: 5, no: 64 },
        { days: [day(6)], opens: 5, closes: 6, no: 65 },
        { days: [day(9)], opens: 6, closes: 7, no: 68 },
      ],
    ],
    [
      'an opening dated by the day before',
      [
        { days: [day(2), day(3)], opens: 0, closes: 5 },
        { days: [day(3), day(4)], opens: 5, closes: 6 },
      ],
    ],
    [
      'several on one day',
      [
        { days: [day(2)], opens: 0, closes: 5 },
        { days: [day(2)], opens: 8, closes: 1 },
        { days: [day(2)], opens: 5, closes: 8 },
        { days: [day(3)], opens: 1, closes: 4 },
      ],
    ],
    [
      'pages, which share a number',
      [
        { days: [day(2)], opens: 0, closes: 5, no: 1 },
        { days: [day(3)], opens: 5, closes: 6, no: 2 },
        { days: [day(3)], opens: 6, closes: 9, no: 2 },
        { days: [day(4)], opens: 9, closes: 9, no: 3 },
      ],
    ],
    [
      'the month beside its days, and a quarter from within the month on',
      [
        { days: [day(2)], opens: 0, closes: 5, no: 2 },
        { days: [day(3)], opens: 5, closes: 6, no: 3 },
        { days: [day(4)], opens: 6, closes: 2, no: 4 },
        { days: [day(2), day(4)], opens: 0, closes: 2 },
        { days: [day(3), day(20)], opens: 5, closes: 11 },
        { days: [day(21)], opens: 11, closes: 12 },
      ],
    ],
    [
      'days of which some are missing, within a month that is there',
      [
        { days: [day(1), day(30)], opens: 0, closes: 50 },
        { days: [day(3)], opens: 5, closes: 6, no: 3 },
        { days: [day(7)], opens: 16, closes: 20, no: 7 },
        { days: ['2026-04-01'], opens: 50, closes: 51 },
      ],
    ],
    [
      'the same in several files and formats, with and without its number',
      [
        { days: [day(2)], opens: 0, closes: 5, no: 1 },
        { days: [day(2)], opens: 0, closes: 5, no: 1, file: 'again' },
        { days: [day(1), day(2)], opens: 0, closes: 5, file: 'other' },
        { days: [day(3)], opens: 5, closes: 6, no: 2 },
      ],
    ],
    [
      'downloads that share a day, of which the first had only its morning',
      [
        { days: [day(1), day(15)], opens: 0, closes: 50, isDownload: true },
        { days: [day(15), day(31)], opens: 40, closes: 90, isDownload: true },
      ],
    ],
    [
      'a day that came in two versions',
      [
        { days: [day(1)], opens: 0, closes: 1 },
        { days: [day(2)], opens: 1, closes: 5 },
        { days: [day(2)], opens: 1, closes: 8 },
        { days: [day(3)], opens: 8, closes: 9 },
      ],
    ],
  ])('leave no gap: %s', (_, told) => {
    expect(gaps(told)).toEqual([]);
  });

  it('have no number left out where another currency of the account has it', () => {
    const told: Told[] = [
      { days: [day(5)], opens: 0, closes: 5, no: 1 },
      { days: [day(9)], opens: 5, closes: 6, no: 2 },
      { days: [day(11)], opens: 6, closes: 7, no: 4 },
    ];
    expect(gaps(told)).toEqual([`${day(9)} no 2 → ${day(11)} no 4: 0, 3`]);
    expect(gaps(told, [{ year: 2026, value: 3 }])).toEqual([]);
    expect(gaps(told, [{ year: 2025, value: 3 }])).toHaveLength(1);
  });
});

describe('a gap', () => {
  it('among numbers is told with the numbers and what was booked there', () => {
    expect(
      gaps([
        { days: [day(2)], opens: 0, closes: 5, no: 12 },
        { days: [day(5)], opens: 3, closes: 4, no: 15 },
        { days: [day(6)], opens: 4, closes: 1, no: 16 },
      ]),
    ).toEqual([`${day(2)} no 12 → ${day(5)} no 15: -2, 13–14`]);
  });

  it('among days is told where there are no numbers, and once', () => {
    expect(
      gaps([
        { days: [day(2)], opens: 0, closes: 5 },
        { days: [day(4)], opens: 9, closes: 10 },
        { days: [day(5)], opens: 10, closes: 11 },
      ]),
    ).toEqual([`${day(2)} → ${day(4)}: 4, null`]);
  });

  it('is where a statement contradicts the one right before it, by number or by day', () => {
    expect(
      gaps([
        { days: [day(2)], opens: 0, closes: 5, no: 1 },
        { days: [day(3)], opens: 6, closes: 7, no: 2 },
        { days: [day(3)], opens: 9, closes: 9, no: 3 },
      ]),
    ).toEqual([`${day(2)} no 1 → ${day(3)} no 2: 1, null`, `${day(3)} no 2 → ${day(3)} no 3: 2, null`]);
    expect(
      gaps([
        { days: [day(2)], opens: 0, closes: 5 },
        { days: [day(3)], opens: 4, closes: 7 },
      ]),
    ).toEqual([`${day(2)} → ${day(3)}: -1, null`]);
  });

  it('over the turn of the year goes by the balances', () => {
    expect(
      gaps([
        { days: ['2025-12-30'], opens: 0, closes: 5, no: 250, year: 2025 },
        { days: ['2026-01-02'], opens: 6, closes: 6, no: 1 },
      ]),
    ).toEqual(['2025-12-30 no 250 → 2026-01-02 no 1: 1, null']);
  });

  it('is not bridged by an older balance that happens to be the same', () => {
    expect(
      gaps([
        { days: [day(2)], opens: 1, closes: 7 },
        { days: [day(3)], opens: 7, closes: 5 },
        { days: [day(5)], opens: 7, closes: 8 },
      ]),
    ).toEqual([`${day(3)} → ${day(5)}: 2, null`]);
  });

  it('lies behind an overlap as well', () => {
    expect(
      gaps([
        { days: [day(2)], opens: 0, closes: 5 },
        { days: [day(1), day(10)], opens: -1, closes: 8 },
        { days: [day(12)], opens: 9, closes: 9 },
      ]),
    ).toEqual([`${day(1)} → ${day(12)}: 1, null`]);
  });
});

it('takes a day for the same in whichever zone its midnight was read', () => {
  const midnights = ['2026-03-01T11:00:00Z', '2026-03-02T00:00:00Z', '2026-03-02T10:00:00Z'];
  expect(new Set(midnights.map((at) => dayBegins(Date.parse(at))))).toEqual(new Set([Date.parse('2026-03-02')]));
});
