import type { Tx } from '../../postgres/sql.ts';
import { rangesOf } from '../proof/proof-store.ts';
import type { Proof } from '../proof/prove.ts';
import {
  AGEING_COLUMNS,
  ageing,
  byClass,
  CLASS_COLUMNS,
  type ClassFields,
  classFields,
  detailColumns,
  details,
  RESOLUTION_COLUMNS,
  resolutions,
} from './discrepancy-store.ts';
import { contractSection } from './fee-contract.ts';
import { INPUT_COLUMNS, inputs } from './input-store.ts';
import { exchanges, FEE_COLUMNS, FX_COLUMNS, fees } from './line-store.ts';
import { IN_TRANSIT_COLUMNS, IN_TRANSIT_ITEM_COLUMNS, inTransit, inTransitItems } from './open-store.ts';
import { BANK_LINE_COLUMNS, bankLines, MAKEUP_COLUMNS, PAYOUT_COLUMNS, payoutMakeup, payouts } from './payout-store.ts';
import { proofSections } from './proof-sections.ts';
import type { Scope } from './scope.ts';
import { sqlRows, sqlSection } from './sql-section.ts';
import { given, type Row, type Section } from './table.ts';
import { WRITE_OFF_COLUMNS, writeOffs } from './write-off-store.ts';

/** What is known before the first byte: what a run is remembered by, and a command ends with. */
export type Summary = { readonly classes: readonly Row[]; readonly open: number };

const COUNT = CLASS_COLUMNS.findIndex(({ key }) => key === 'count');

export async function summaryOf(tx: Tx, scope: Scope, since: Date | null): Promise<Summary> {
  const classes = await sqlRows(tx, CLASS_COLUMNS, byClass(scope, since));
  return { classes, open: classes.reduce((open, row) => open + Number(row[COUNT]), 0) };
}

/** The sections of a report on discrepancies, in the order of docs/reconciliation.md. */
export async function discrepancySections(
  tx: Tx,
  scope: Scope,
  { proof, summary }: { readonly proof: Proof; readonly summary: Summary },
): Promise<Section[]> {
  const { rows: fields } = await tx.query<ClassFields>(classFields(scope).text, classFields(scope).values);
  const transit = scope.books.filter(({ role }) => role === 'bank_in_transit').map(({ id }) => id);
  const ranges = await rangesOf(tx, transit, { column: 'accounting_date', ...scope.days });
  const [first, last] = [ranges[0], ranges.at(-1)];
  const range = first === undefined || last === undefined ? null : { first: first.first, last: last.last };
  const section = (name: string, no: number, title: string, columns: Section['columns']) => ({
    name,
    no,
    title,
    columns,
  });
  return [
    sqlSection(tx, section('inputs', 0, 'Inputs', INPUT_COLUMNS), inputs(scope)),
    ...proofSections(proof),
    { ...section('discrepancies', 3, 'Discrepancies', CLASS_COLUMNS), rows: given(summary.classes) },
    sqlSection(tx, section('ageing', 4, 'Ageing', AGEING_COLUMNS), ageing(scope)),
    sqlSection(tx, section('in_transit', 5, 'In transit', IN_TRANSIT_COLUMNS), inTransit(scope)),
    sqlSection(tx, section('payouts', 6, 'Payouts', PAYOUT_COLUMNS), payouts(scope, range)),
    sqlSection(tx, section('payout_makeup', 6, 'Payouts by kind', MAKEUP_COLUMNS), payoutMakeup(scope, range)),
    sqlSection(tx, section('bank_lines', 6, 'Bank lines', BANK_LINE_COLUMNS), bankLines(scope)),
    sqlSection(tx, section('fees', 7, 'Fees', FEE_COLUMNS), fees(scope)),
    contractSection(scope),
    sqlSection(tx, section('fx', 8, 'FX', FX_COLUMNS), exchanges(scope)),
    sqlSection(tx, section('resolutions', 9, 'Resolutions', RESOLUTION_COLUMNS), resolutions(scope)),
    sqlSection(tx, section('write_offs', 9, 'Write-offs', WRITE_OFF_COLUMNS), writeOffs(scope)),
    ...fields.map((one) =>
      sqlSection(tx, section(`details_${one.class}`, 11, one.class, detailColumns(one)), details(scope, one)),
    ),
    sqlSection(tx, section('in_transit_items', 11, 'In transit items', IN_TRANSIT_ITEM_COLUMNS), inTransitItems(scope)),
  ];
}
