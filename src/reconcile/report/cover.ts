import type { Proof } from '../proof/prove.ts';
import type { Summary } from './discrepancy-report.ts';
import { verdictOf } from './proof-sections.ts';
import type { Run } from './run-store.ts';
import type { Scope } from './scope.ts';
import type { ReportedSettlement } from './settlement-store.ts';
import type { CoverValue, ReportDocument } from './table.ts';

const ACCOUNTS_MAX = 100;

/** The first page: who, whose, what days, as of when, and what it all comes to. */
export function coverOf(of: {
  readonly report: ReportDocument['report'];
  readonly run: Run;
  readonly scope: Scope;
  readonly proof: Proof;
  readonly summary: Summary;
  readonly settlement: ReportedSettlement | null;
  readonly judgedUntil: Date | null;
}): ReportDocument['cover'] {
  const { run, scope, proof, summary, settlement, judgedUntil } = of;
  const { selection, days, filter, known } = scope;
  return [
    ['title', of.report === 'settlement' ? 'Settlement report' : 'Discrepancy report'],
    ['status', 'draft'],
    ['provider', selection.provider ?? 'all'],
    ['account', selection.account ?? 'all'],
    ['period', { from: days.from, to: days.to, days: 'accounting dates, both included' }],
    ['zones', zones(known)],
    ['prepared_by', run.actor],
    ['as_of', run.madeAt.toISOString()],
    ['run', run.id],
    ['previous_run', run.previous === null ? null : { run: run.previous.id, as_of: run.previous.madeAt.toISOString() }],
    ['books_read_at', run.knownAt.toISOString()],
    ['items_judged_until', judgedUntil?.toISOString() ?? 'never: what is open was not judged'],
    [
      'filters',
      { class: filter.class, status: filter.status, currency: filter.currency, min_age_days: filter.minAgeDays },
    ],
    ['proof', verdictOf(proof)],
    ['remainders', remainders(proof)],
    ['open_discrepancies', summary.open],
    ...(settlement === null ? [] : settlementCover(settlement)),
    [
      'amounts',
      'Signed from the merchant’s side. Each stands in major units with its currency’s decimals, and as a whole number of minor units.',
    ],
    [
      'changes',
      'It tells of one state of the books. What is recorded later is not in it; made again by its run, its proof counts what was recorded by then.',
    ],
  ];
}

function zones(known: Scope['known']): CoverValue {
  const shown = known
    .slice(0, ACCOUNTS_MAX)
    .map(({ provider, account, zone, mode }) => ({ provider, account, zone, mode }));
  return known.length > ACCOUNTS_MAX ? [...shown, `and ${known.length - ACCOUNTS_MAX} more`] : shown;
}

/** By currency, printed also where they are 0. */
function remainders({ accounts }: Proof): CoverValue {
  const sums = new Map<string, bigint>();
  for (const { currency, identities } of accounts)
    for (const { remainder } of identities) {
      const magnitude = remainder < 0n ? -remainder : remainder;
      sums.set(currency, (sums.get(currency) ?? 0n) + magnitude);
    }
  return Object.fromEntries(
    [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([currency, sum]) => [currency, String(sum)]),
  );
}

function settlementCover(of: ReportedSettlement): [string, CoverValue][] {
  return [
    [
      'settlement',
      {
        id: of.id,
        format: of.format,
        use: of.movesMoney ? 'moves money' : 'control',
        mode: of.mode,
        status: of.status,
        file: { name: of.fileName, sha256: of.sha256, bytes: Number(of.bytes), lines: Number(of.lines) },
        lines_new: Number(of.linesNew),
        faults: of.faults,
        accepted_difference: of.accepted,
        imported_by: of.actor,
        imported_at: (of.finishedAt ?? of.createdAt).toISOString(),
      },
    ],
  ];
}
