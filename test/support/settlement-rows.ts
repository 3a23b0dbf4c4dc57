import { createHash } from 'node:crypto';
import { uuidv7 } from '../../src/uuid.ts';
import type { TestDatabase } from './database.ts';

/** Rows of reports, statements and discrepancies as their importers and the engine leave them, for tests of what reads them. */
export type LineRow = {
  readonly kind: string;
  readonly batch: string;
  readonly currency: string;
  readonly gross?: bigint;
  readonly fee?: bigint;
  readonly tax?: bigint;
  readonly reference?: string;
  readonly at: number;
  readonly zone?: string;
  readonly method?: string;
  readonly merchant?: string;
  readonly other?: { readonly amount: bigint; readonly currency: string; readonly rate?: string };
  /** A later version of its report has it no longer, or otherwise. */
  readonly removed?: true;
  /** The batch it has now, where its report did not name it. */
  readonly named?: string;
};

export type Batch = {
  readonly batch: string;
  readonly currency: string;
  readonly opening?: bigint;
  readonly closing?: bigint;
  readonly stated?: boolean;
};

const OUT = new Set(['payout', 'topup', 'payout_reversal', 'carry_forward']);

/** A report that was imported, with its lines and what its batches add up to. Returns its id. */
export async function addSettlement(
  { sql }: TestDatabase,
  report: {
    readonly provider: string;
    readonly account: string;
    readonly mode?: 'payout' | 'batch' | 'balance';
    readonly format?: string;
    readonly file?: string;
    readonly status?: string;
    readonly movesMoney?: boolean;
    readonly at: number;
    readonly batches: readonly Batch[];
    readonly lines: readonly LineRow[];
  },
): Promise<string> {
  const { provider, account, at, lines } = report;
  const id = uuidv7(at);
  await sql.query(
    `insert into postern.settlements (id, provider, account, endpoint_id, format, moves_money, mode, status, file_name, sha256,
       bytes, lines, lines_new, actor, created_at, finished_at)
     values ($1, $2, $3, 1, $4, $11, $5, $6, $7, $8, 1000, $9, $9, 'cli:test', $10, $10)`,
    [
      id,
      provider,
      account,
      report.format ?? 'test.report',
      report.mode ?? 'payout',
      report.status ?? 'imported',
      report.file ?? 'report.csv',
      createHash('sha256').update(id).digest(),
      lines.length,
      new Date(at),
      report.movesMoney ?? true,
    ],
  );
  for (const { batch, currency, opening = 0n, closing, stated = false } of report.batches) {
    const mine = lines.filter((line) => line.batch === batch && line.currency === currency);
    const sum = (of: (line: LineRow) => bigint, out: boolean) =>
      mine.filter(({ kind }) => OUT.has(kind) === out).reduce((total, line) => total + of(line), 0n);
    const net = sum(netOf, false);
    const payout = sum(netOf, true);
    const times = mine.map((line) => line.at);
    await sql.query(
      `insert into postern.settlement_batches (settlement_id, batch, currency, lines, gross, fee, tax, net, payout, opening, closing,
         is_stated, first_at, last_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [
        id,
        batch,
        currency,
        mine.length,
        sum(({ gross = 0n }) => gross, false),
        sum(({ fee = 0n }) => fee, false),
        sum(({ tax = 0n }) => tax, false),
        net,
        payout,
        opening,
        closing ?? opening + net + payout,
        stated,
        new Date(Math.min(...times, at)),
        new Date(Math.max(...times)),
      ],
    );
  }
  for (const [n, line] of lines.entries()) {
    await sql.query(
      `insert into postern.settlement_lines (id, settlement_id, row_no, provider, account, identity, kind, word, batch,
         reference, component, currency, gross, fee, tax, net, other_amount, other_currency, fx_rate, booked_at, zone, key_merchant,
         payment_method, raw, moves_money, removed_by)
       values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, '', $23, $24)`,
      [
        uuidv7(line.at + n),
        id,
        n + 2,
        provider,
        account,
        `${id}:${n}`,
        line.kind,
        line.named ?? line.batch,
        line.reference ?? null,
        line.reference === undefined ? null : 'gross',
        line.currency,
        line.gross ?? 0n,
        line.fee ?? 0n,
        line.tax ?? 0n,
        netOf(line),
        line.other?.amount ?? null,
        line.other?.currency ?? null,
        line.other?.rate ?? null,
        new Date(line.at),
        line.zone ?? 'UTC',
        line.merchant ?? null,
        line.method ?? null,
        report.movesMoney ?? true,
        line.removed === true ? uuidv7(at) : null,
      ],
    );
  }
  return id;
}

const netOf = ({ gross = 0n, fee = 0n, tax = 0n }: LineRow): bigint => gross - fee - tax;

export async function addBankLine(
  { sql }: TestDatabase,
  line: {
    readonly provider: string | null;
    readonly account: string | null;
    readonly reference: string | null;
    readonly amount: bigint;
    readonly currency: string;
    readonly at: number;
    readonly text?: string;
  },
): Promise<void> {
  const statement = uuidv7(line.at);
  await sql.query(
    `insert into postern.bank_statements (id, format, status, file_name, sha256, bytes, statements, entries, entries_new, actor, created_at, finished_at)
     values ($1, 'camt.053', 'imported', 'bank.xml', $2, 10, 1, 1, 1, 'cli:test', $3, $3)`,
    [statement, createHash('sha256').update(statement).digest(), new Date(line.at)],
  );
  await sql.query(
    `insert into postern.bank_lines (id, bank_statement_id, row_no, bank_account, statement, identity, amount, currency, booked_at,
       zone, text, is_reversal, raw, provider, account, reference)
     values ($1, $2, 1, 'main', '1', $3, $4, $5, $6, 'UTC', $7, false, '', $8, $9, $10)`,
    [
      uuidv7(line.at),
      statement,
      statement,
      line.amount,
      line.currency,
      new Date(line.at),
      line.text ?? '',
      line.provider,
      line.account,
      line.reference,
    ],
  );
}

export async function addDiscrepancy(
  { sql }: TestDatabase,
  row: {
    readonly provider: string;
    readonly account: string;
    readonly class: string;
    readonly reference: string;
    readonly currency: string;
    readonly delta: bigint;
    readonly at: number;
    readonly seenAt?: number;
    readonly status?: string;
    readonly clearedAt?: number;
    readonly inProof?: boolean;
    readonly item?: string | null;
    readonly component?: string;
    readonly cause?: string;
    readonly ledger?: Record<string, unknown>;
    readonly settlement?: Record<string, unknown>;
    readonly bank?: Record<string, unknown>;
    readonly differences?: readonly Record<string, unknown>[];
    readonly reasonCode?: string;
    readonly assignee?: string;
  },
): Promise<string> {
  const id = uuidv7(row.seenAt ?? row.at);
  await sql.query(
    `insert into postern.discrepancies (id, fingerprint, class, cause, status, in_proof, provider, account, item, reference, component,
       currency, delta, ledger, settlement, bank, differences, occurred_at, first_seen_at, last_seen_at, cleared_at, reason_code, assignee)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19, $20, $21, $22)`,
    [
      id,
      createHash('sha256')
        .update(JSON.stringify([row.class, row.reference, row.currency, row.account]))
        .digest('hex'),
      row.class,
      row.cause ?? null,
      row.status ?? 'open',
      row.inProof ?? true,
      row.provider,
      row.account,
      row.item === undefined ? 'processor_pending' : row.item,
      row.reference,
      row.component ?? 'gross',
      row.currency,
      row.delta,
      JSON.stringify(row.ledger ?? {}),
      JSON.stringify(row.settlement ?? {}),
      JSON.stringify(row.bank ?? {}),
      JSON.stringify(row.differences ?? []),
      new Date(row.at),
      new Date(row.seenAt ?? row.at),
      row.clearedAt === undefined ? null : new Date(row.clearedAt),
      row.reasonCode ?? null,
      row.assignee ?? null,
    ],
  );
  return id;
}
