import type { Tx } from '../../postgres/sql.ts';
import type { Proof } from '../proof/prove.ts';
import type { Summary } from './discrepancy-report.ts';
import { proofSections } from './proof-sections.ts';
import type { Scope } from './scope.ts';
import {
  BATCH_COLUMNS,
  batches,
  FAULT_COLUMNS,
  faults,
  KIND_COLUMNS,
  LINE_DISCREPANCY_COLUMNS,
  type ReportedSettlement,
  SETTLEMENT_CLASS_COLUMNS,
  SETTLEMENT_LINE_COLUMNS,
  settlementClasses,
  settlementDiscrepancies,
  settlementKinds,
  settlementLines,
} from './settlement-store.ts';
import { sqlRows, sqlSection } from './sql-section.ts';
import type { Section } from './table.ts';

const COUNT = SETTLEMENT_CLASS_COLUMNS.findIndex(({ key }) => key === 'count');

/** Of its own discrepancies, as its section of them lists them. */
export async function settlementSummary(tx: Tx, scope: Scope, { id }: ReportedSettlement): Promise<Summary> {
  const classes = await sqlRows(tx, SETTLEMENT_CLASS_COLUMNS, settlementClasses(scope, id));
  return { classes, open: classes.reduce((open, row) => open + Number(row[COUNT]), 0) };
}

/** The sections of one settlement report: what it says, how it stands in the books, and each of its lines. */
export function settlementSections(
  tx: Tx,
  scope: Scope,
  { settlement: { id }, proof }: { readonly settlement: ReportedSettlement; readonly proof: Proof },
): Section[] {
  const section = (name: string, no: number, title: string, columns: Section['columns']) => ({
    name,
    no,
    title,
    columns,
  });
  return [
    sqlSection(tx, section('faults', 0, 'Faults', FAULT_COLUMNS), faults(id)),
    sqlSection(tx, section('batches', 1, 'Batches', BATCH_COLUMNS), batches(scope, id)),
    ...proofSections(proof),
    sqlSection(tx, section('kinds', 2, 'Lines by kind', KIND_COLUMNS), settlementKinds(id)),
    sqlSection(
      tx,
      section('discrepancies', 3, 'Discrepancies', LINE_DISCREPANCY_COLUMNS),
      settlementDiscrepancies(scope, id),
    ),
    sqlSection(tx, section('lines', 11, 'Lines', SETTLEMENT_LINE_COLUMNS), settlementLines(scope, id)),
  ];
}
