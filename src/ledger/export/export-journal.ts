import type pg from 'pg';
import { PosternError } from '../../errors.ts';
import { sqlOf, type Tx } from '../../postgres/sql.ts';
import { findAccount, findTransactions, postingsOf } from '../queries-store.ts';
import { beancount } from './beancount.ts';
import { csv } from './csv.ts';
import {
  beginExport,
  type ExportRange,
  streamAccounts,
  streamClosing,
  streamKeys,
  streamOpening,
} from './export-store.ts';
import { hledger } from './hledger.ts';
import type { JournalFormat, JournalWriter, Selection } from './journal.ts';

/** A journal on its way out. Whoever has it must `close` it in the end, however it ended. */
export type Export = {
  readonly contentType: string;
  readonly fileName: string;
  /** Pieces of some 64 KiB; the next is made when it is asked for. */
  readonly text: AsyncIterable<string>;
  /** Ends the query under way as well; may be called twice. */
  close(): Promise<void>;
};

const WRITERS: Readonly<Record<JournalFormat, JournalWriter>> = { csv, beancount, hledger };
const PIECE_CHARS = 65_536;

/**
 * Opens an export: one state of the books, read on a connection of its own, whole transactions in the order of accounting date
 * and id. Markers, which move nothing, are left out.
 *
 * @throws PosternError `not_found` for an account that is not there, `invalid_request` for a period that ends before it begins.
 */
export async function openExport(
  connect: () => pg.Client,
  format: JournalFormat,
  selection: Selection,
): Promise<Export> {
  const { from, to } = selection;
  if (from !== null && to !== null && from > to) {
    throw new PosternError('invalid_request', `the period ends on ${to}, before it begins on ${from}`);
  }
  const client = connect();
  // A connection that dies tells its statement; the event itself, heard by nobody, would end the process.
  client.on('error', () => undefined);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= client.end();
    return closed;
  };
  try {
    await client.connect();
    const tx = await beginExport(sqlOf(client));
    const account = selection.account === null ? null : await accountOf(tx, selection.account);
    const range: ExportRange = { from, to, accountId: account?.id ?? null };
    const writer = WRITERS[format];
    return {
      contentType: writer.contentType,
      fileName: `${['journal', from, to].filter((part) => part !== null).join('-')}.${writer.extension}`,
      text: inPieces(journalOf(tx, writer, { ...selection, account: account?.path ?? null }, range)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function accountOf(tx: Tx, id: string): Promise<{ id: number; path: string }> {
  const account = (await findAccount(tx, id)) ?? (await findAccount(tx, `asset:client:${id}`));
  if (account === null) throw new PosternError('not_found', `there is no account ${id}`);
  return account;
}

async function* journalOf(
  tx: Tx,
  writer: JournalWriter,
  selection: Selection,
  range: ExportRange,
): AsyncGenerator<string> {
  yield writer.head(selection);
  const keys = streamKeys(tx, range);
  let page = await keys.next();
  const firstDay = range.from ?? (page.done ? null : (page.value[0]?.day ?? null));
  // Without a day there is nothing to export: every balance comes from a transaction.
  if (firstDay === null) return;
  yield* accounts(tx, writer, range, firstDay);
  if (range.from !== null) yield* opening(tx, writer, range, firstDay);
  let lastDay = firstDay;
  while (!page.done) {
    lastDay = page.value.at(-1)?.day ?? lastDay;
    yield* transactions(
      tx,
      writer,
      page.value.map(({ id }) => id),
    );
    page = await keys.next();
  }
  let isFirst = true;
  for await (const balance of streamClosing(tx, range)) {
    if (isFirst) yield writer.closingHead(lastDay);
    isFirst = false;
    yield writer.closing(balance, lastDay);
  }
}

async function* accounts(tx: Tx, writer: JournalWriter, range: ExportRange, day: string): AsyncGenerator<string> {
  const currencies = new Set<string>();
  for await (const account of streamAccounts(tx, range)) {
    for (const currency of account.currencies) {
      if (!currencies.has(currency)) yield writer.currency(currency, day);
      currencies.add(currency);
    }
    yield writer.account(account, day);
  }
}

async function* opening(tx: Tx, writer: JournalWriter, range: ExportRange, day: string): AsyncGenerator<string> {
  const rest = new Map<string, bigint>();
  let isFirst = true;
  for await (const balance of streamOpening(tx, range)) {
    if (isFirst) yield writer.openingHead(day);
    isFirst = false;
    yield writer.opening(balance, day);
    rest.set(balance.currency, (rest.get(balance.currency) ?? 0n) - balance.amount);
  }
  // The whole books balance by themselves; one account's do not.
  if (!isFirst) yield writer.openingEnd(new Map([...rest].filter(([, amount]) => amount !== 0n)));
}

async function* transactions(tx: Tx, writer: JournalWriter, ids: readonly string[]): AsyncGenerator<string> {
  const postings = await postingsOf(tx, ids);
  const found = new Map((await findTransactions(tx, [...postings.keys()])).map((one) => [one.id, one]));
  for (const id of ids) {
    const transaction = found.get(id);
    const lines = postings.get(id);
    if (transaction !== undefined && lines !== undefined) yield writer.transaction({ transaction, postings: lines });
  }
}

async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const text of texts) {
    piece += text;
    if (piece.length < PIECE_CHARS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
