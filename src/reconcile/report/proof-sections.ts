import type { AccountProof, Proof } from '../proof/prove.ts';
import type { LineSums } from '../proof/stated-store.ts';
import { amount, type Column, count, given, type Row, type Section, text } from './table.ts';

const WHOSE = [text('provider'), text('account'), text('currency')];

const PROOF_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('identity'),
  text('line'),
  text('kind'),
  text('component'),
  count('count'),
  amount('amount'),
];

const SIDE_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('what'),
  amount('ledger'),
  amount('report'),
  amount('bank'),
  amount('difference'),
];

const LINE_COLUMNS: readonly Column[] = [
  ...WHOSE,
  text('kind'),
  text('state'),
  count('lines', { total: true }),
  amount('gross', { total: true }),
  amount('fee', { total: true }),
  amount('tax', { total: true }),
  amount('net', { total: true }),
];

/** What a report in one currency tells of, its cover too; null: all of it. */
export function inCurrency(proof: Proof, currency: string | null): Proof {
  if (currency === null) return proof;
  const mine = <T extends { readonly currency: string }>(all: readonly T[]): T[] =>
    all.filter((one) => one.currency === currency);
  return { ...proof, accounts: mine(proof.accounts), lines: mine(proof.lines) };
}

/** Section 1 and 2 of a report: the identities line by line, the three sides, and how the reports' lines stand. */
export function proofSections({ accounts, lines }: Proof): Section[] {
  return [
    {
      name: 'proof',
      no: 1,
      title: 'Proof',
      columns: PROOF_COLUMNS,
      rows: given(accounts.flatMap(proofRows)),
    },
    {
      name: 'sides',
      no: 1,
      title: 'Ledger, report, bank',
      columns: SIDE_COLUMNS,
      rows: given(
        accounts.flatMap((proof) =>
          proof.comparisons.map(
            (one): Row => [...whose(proof), one.what, one.ledger, one.report, one.bank, one.difference],
          ),
        ),
      ),
    },
    { name: 'matched', no: 2, title: 'Matched by kind', columns: LINE_COLUMNS, rows: given(lines.map(lineRow)) },
  ];
}

const lineRow = (one: LineSums): Row => [
  ...whose(one),
  one.kind,
  one.state,
  one.count,
  one.gross,
  one.fee,
  one.tax,
  one.net,
];

const whose = ({ provider, account, currency }: { provider: string; account: string; currency: string }) => [
  provider,
  account,
  currency,
];

function proofRows(proof: AccountProof): Row[] {
  const row = (identity: string, line: string, value: bigint | null, rest: Row = [null, null, null]): Row => [
    ...whose(proof),
    identity,
    line,
    ...rest,
    value,
  ];
  const rows = proof.identities.flatMap(({ role, opening, parts, closing, openItems, remainder }) => [
    row(role, 'opening', opening),
    ...parts.map((part) => row(role, part.line, part.amount, [part.kind, part.component, part.count])),
    row(role, 'closing', closing),
    row(role, 'open_items', openItems),
    row(role, 'remainder', remainder),
    ...(role === 'processor_balance' ? statedRows(proof, row) : []),
  ]);
  return [...rows, row('all', 'owed', proof.owed), row('all', 'withheld', proof.withheld)];
}

/** A report that states no balance proves none: said, instead of a difference of nothing. Its batches may close all the same. */
function statedRows(
  { stated, batchesClose, settlesElsewhere }: AccountProof,
  row: (identity: string, line: string, value: bigint | null) => Row,
): Row[] {
  if (settlesElsewhere) return [];
  if (stated === null) return [row('processor_balance', batchesClose ? 'batches_close' : 'unproven', null)];
  return [
    row('processor_balance', 'report_closing', stated.closing),
    row('processor_balance', 'report_difference', stated.difference),
  ];
}

/** One word for the cover: that of the account of which least is known. */
export function verdictOf({ accounts }: Proof): 'holds' | 'batches_close' | 'unproven' | 'fails' | 'empty' {
  if (accounts.length === 0) return 'empty';
  if (accounts.some(({ holds }) => !holds)) return 'fails';
  const unstated = accounts.filter(({ stated, settlesElsewhere }) => stated === null && !settlesElsewhere);
  if (unstated.length === 0) return 'holds';
  return unstated.every(({ batchesClose }) => batchesClose) ? 'batches_close' : 'unproven';
}
