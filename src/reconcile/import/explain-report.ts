import type { ReportContext, ReportFault, SettlementFormat, StatedBatch } from '../../providers/settlement-format.ts';
import type { BatchTotals } from './proof-store.ts';
import { type ProvenBatch, proofOf } from './prove.ts';
import { createFaults } from './stage-report.ts';

export type ExplainedReport = {
  readonly format: SettlementFormat;
  readonly lines: number;
  /** Lines by kind. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly batches: readonly ProvenBatch[];
  readonly faults: { readonly kept: readonly ReportFault[]; readonly count: number };
};

const BATCHES_MAX = 100_000;
const PAID = new Set(['payout', 'payout_reversal', 'carry_forward']);

/** What a report says, batch by batch, without a database: it is read once, and nothing of it is kept. */
export async function explainReport(
  format: SettlementFormat,
  bytes: AsyncIterable<Uint8Array>,
  context: ReportContext,
): Promise<ExplainedReport> {
  const totals = new Map<string, { -readonly [K in keyof BatchTotals]: BatchTotals[K] }>();
  const kinds = new Map<string, number>();
  const stated: StatedBatch[] = [];
  const faults = createFaults();
  let lines = 0;
  for await (const items of format.read(bytes, context)) {
    for (const item of items) {
      if (item.type === 'fault') faults.add(item);
      else if (item.type === 'batch') stated.push(item);
      if (item.type !== 'line') continue;
      const { line, residue } = item;
      lines += 1;
      kinds.set(line.kind, (kinds.get(line.kind) ?? 0) + 1);
      const key = `${line.currency} ${line.batch}`;
      const total = totals.get(key) ?? emptyTotals(line);
      if (totals.size < BATCHES_MAX) totals.set(key, total);
      total.lines += 1;
      if (residue !== undefined && Number(residue) !== 0) total.rounded += 1;
      total.first = Math.min(total.first, line.at);
      total.last = Math.max(total.last, line.at);
      if (PAID.has(line.kind)) total.payout += line.net;
      else {
        total.gross += line.gross;
        total.fee += line.fee;
        total.tax += line.tax;
        total.net += line.net;
      }
    }
  }
  const proof = proofOf([...totals.values()], stated);
  const told = new Set(faults.kept.map(({ batch }) => batch));
  for (const fault of proof.faults) if (!told.has(fault.batch)) faults.add(fault);
  return {
    format,
    lines,
    kinds: Object.fromEntries([...kinds].sort()),
    batches: proof.batches,
    faults: { kept: faults.kept, count: faults.count },
  };
}

const emptyTotals = ({ batch, currency, at, zone }: { batch: string; currency: string; at: number; zone: string }) => ({
  ...{ batch, currency, zone, lines: 0, rounded: 0, first: at, last: at },
  ...{ gross: 0n, fee: 0n, tax: 0n, net: 0n, payout: 0n },
});
