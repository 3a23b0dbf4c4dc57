import type pg from 'pg';
import { insertAudit } from '../../audit-store.ts';
import type { Clock } from '../../clock.ts';
import { PosternError } from '../../errors.ts';
import { createLedger } from '../../ledger/post.ts';
import { sqlOf, type Tx } from '../../postgres/sql.ts';
import { FAULTS_MAX } from '../../providers/settlement-format.ts';
import { uuidv7 } from '../../uuid.ts';
import { ownedRequest } from '../bank/owned-entry.ts';
import { ownerOf } from '../bank/owner.ts';
import type { BankEntry, BankFault, BankFormat, BankStatement } from '../bank-format.ts';
import {
  bankOwners,
  contradicted,
  type EntryToKeep,
  findBankFile,
  insertBankStatement,
  keepEntries,
  lockBankImports,
  noteNewEntries,
  type StatementTotal,
} from './bank-store.ts';
import { lineIds } from './line-ids.ts';
import { createReportSource } from './report-source.ts';
import { openSession } from './session.ts';

export type BankOrder = {
  /** Null: told by the file's head. */
  readonly format: string | null;
  readonly fileName: string | null;
  /** Of a CSV: which column is what. */
  readonly mapping: unknown;
  /** In whose days a statement without zone is kept. */
  readonly zone: string;
  readonly actor: string;
};

export type BankImported =
  | { readonly kind: 'repeated'; readonly id: string }
  | { readonly kind: 'imported'; readonly id: string }
  | { readonly kind: 'failed'; readonly id: string };

export type BankImporter = { receive(order: BankOrder, source: AsyncIterable<Uint8Array>): Promise<BankImported> };

/** Months of a busy account; its entries are held in memory until the statement has closed, beside the webhooks that are taken in. */
export const BANK_FILE_BYTES_MAX = 64 * 1024 * 1024;
const ENTRIES_MAX = 100_000;
/** So that whose upload was cut off can send it again at once. */
const IMPORTS_AT_ONCE = 2;
const ENTRIES_A_STATEMENT = 1_000;

type Read = {
  readonly entries: readonly BankEntry[];
  readonly statements: readonly BankStatement[];
  readonly faults: readonly BankFault[];
  readonly faultCount: number;
};

/** Takes bank statements in: each entry once, those of a processor posted, the others kept and counted. */
export function createBankImporter(parts: {
  readonly pool: pg.Pool;
  readonly formats: readonly BankFormat[];
  readonly clock: Clock;
}): BankImporter {
  const { pool, formats, clock } = parts;
  const ledger = createLedger({ clock });
  let running = 0;

  async function receive(order: BankOrder, bytes: AsyncIterable<Uint8Array>): Promise<BankImported> {
    if (running >= IMPORTS_AT_ONCE)
      throw new PosternError(
        'overloaded',
        `${IMPORTS_AT_ONCE} bank statements are being imported here; try again when one is done`,
      );
    running += 1;
    try {
      return await take(order, bytes);
    } finally {
      running -= 1;
    }
  }

  async function take(order: BankOrder, bytes: AsyncIterable<Uint8Array>): Promise<BankImported> {
    const source = createReportSource(bytes, BANK_FILE_BYTES_MAX);
    const head = await source.head();
    if (head.length === 0) throw new PosternError('invalid_request', 'the file is empty');
    const format = formatOf(new TextDecoder().decode(head), order.format);
    const read = await readAll(format, source.bytes(), order);
    const file = { format: format.name, sha256: source.sha256(), bytes: source.count(), order, read };
    const standing = await findBankFile(sqlOf(pool), file.sha256);
    if (standing !== null) return { kind: 'repeated', id: standing };
    const session = await openSession(pool);
    try {
      return await session.transaction((tx) => keep(tx, file));
    } finally {
      await session.end();
    }
  }

  function formatOf(head: string, name: string | null): BankFormat {
    const names = formats.map((one) => one.name).join(', ');
    const format = formats.find((one) => (name === null ? one.recognises(head) : one.name === name));
    if (format !== undefined) return format;
    throw new PosternError(
      'invalid_request',
      name === null
        ? `this begins as none of the bank statements that can be read (${names}): name its format, and for a CSV its mapping`
        : `there is no bank statement format "${name}"; there are ${names}`,
    );
  }

  async function keep(
    tx: Tx,
    {
      format,
      sha256,
      bytes,
      order,
      read,
    }: { format: string; sha256: Buffer; bytes: number; order: BankOrder; read: Read },
  ): Promise<BankImported> {
    const { actor, fileName } = order;
    const id = uuidv7(clock.now());
    await lockBankImports(tx);
    // Only now: an import of the same bytes may have become final meanwhile.
    const standing = await findBankFile(tx, sha256);
    if (standing !== null) return { kind: 'repeated', id: standing };
    const faults = [...read.faults, ...(await contradictions(tx, read.entries))];
    const failed = read.faultCount > 0 || faults.length > 0;
    const summary = {
      ...{ id, format, sha256, bytes, actor, file_name: fileName, statements: read.statements.length },
      ...{ totals: read.statements.map(totalOf), entries: read.entries.length },
    };
    if (failed) {
      const count = read.faultCount + faults.length - read.faults.length;
      const kept = faults.slice(0, FAULTS_MAX);
      await insertBankStatement(tx, { ...summary, status: 'failed', entries_new: 0, fault_count: count, faults: kept });
      await insertAudit(tx, {
        actor,
        action: 'bank_statement.fail',
        subject: `bank_statement:${id}`,
        details: { faults: count },
      });
      return { kind: 'failed', id };
    }
    const owners = await bankOwners(tx);
    const idOf = lineIds(id);
    const lines = read.entries.map(
      (entry, n): EntryToKeep => ({ id: idOf(n), entry, zone: order.zone, owner: ownerOf(entry, owners) }),
    );
    // The statement first: its entries name it. How many are new is known behind them.
    await insertBankStatement(tx, { ...summary, status: 'imported', entries_new: 0, fault_count: 0, faults: [] });
    let fresh = 0;
    for (let from = 0; from < lines.length; from += ENTRIES_A_STATEMENT) {
      const some = lines.slice(from, from + ENTRIES_A_STATEMENT);
      const kept = await keepEntries(tx, id, some);
      fresh += kept.size;
      await post(
        tx,
        some.filter((line) => kept.has(line.id)),
      );
    }
    await noteNewEntries(tx, id, fresh);
    await insertAudit(tx, {
      actor,
      action: 'bank_statement.import',
      subject: `bank_statement:${id}`,
      details: { entries: lines.length, entries_new: fresh, sha256: sha256.toString('hex') },
    });
    return { kind: 'imported', id };
  }

  async function post(tx: Tx, lines: readonly EntryToKeep[]): Promise<void> {
    const requests = lines.flatMap(({ id, entry, zone, owner }) => {
      const { account: bankAccount, identity, amount, currency, at } = entry;
      return owner === null ? [] : [ownedRequest({ id, bankAccount, identity, amount, currency, at, zone, owner })];
    });
    const results = await ledger.post(tx, requests);
    if (results.some(({ kind }) => kind === 'conflict'))
      throw new PosternError(
        'conflict',
        'an entry is posted already with another amount: nothing of the file was posted',
      );
  }

  return { receive };
}

async function readAll(format: BankFormat, bytes: AsyncIterable<Uint8Array>, order: BankOrder): Promise<Read> {
  const entries: BankEntry[] = [];
  const statements: BankStatement[] = [];
  const faults: BankFault[] = [];
  let faultCount = 0;
  for await (const items of format.read(bytes, order)) {
    for (const item of items) {
      if (item.type === 'entry') entries.push(item);
      else if (item.type === 'statement') statements.push(item);
      else {
        faultCount += 1;
        if (faults.length < FAULTS_MAX) faults.push(item);
      }
    }
    if (entries.length > ENTRIES_MAX)
      throw new PosternError('too_large', `the file has over ${ENTRIES_MAX} entries: split it`);
  }
  return { entries, statements, faults, faultCount };
}

async function contradictions(tx: Tx, entries: readonly BankEntry[]): Promise<BankFault[]> {
  const found: BankFault[] = [];
  for (let from = 0; from < entries.length && found.length < FAULTS_MAX; from += ENTRIES_A_STATEMENT) {
    const some = entries.slice(from, from + ENTRIES_A_STATEMENT);
    for (const { n, amount, currency } of await contradicted(tx, some)) {
      const entry = some[n - 1];
      if (entry === undefined) continue;
      found.push({
        type: 'fault',
        kind: 'contradiction',
        row: entry.row,
        field: null,
        value: entry.identity.slice(0, 200),
        reason: 'an earlier statement has the same booking with another amount',
        statement: entry.statement,
        expected: `${amount} ${currency}`,
        found: `${entry.amount} ${entry.currency}`,
      });
    }
  }
  return found;
}

function totalOf(s: BankStatement): StatementTotal {
  const text = (amount: bigint | null): string | null => (amount === null ? null : String(amount));
  const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  const { account, statement, number, currency, entries, copy } = s;
  return {
    ...{ account, statement, number, currency, entries, copy, sum: String(s.sum) },
    ...{ opening: text(s.opening), closing: text(s.closing), from: iso(s.from), to: iso(s.to) },
  };
}
