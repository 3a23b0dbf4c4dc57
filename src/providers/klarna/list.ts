import { PosternError } from '../../errors.ts';
import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import { isoTime } from '../iso-time.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask } from './call.ts';

/*
 * docs.klarna.com/settlement-reports/api: orders cannot be searched by time, and neither can the transactions of the
 * Settlements API, but payouts can. So each payout of the range is asked for its sales and returns, which name their order.
 */
const PAYOUTS = '/settlements/v1/payouts';
const TRANSACTIONS = '/settlements/v1/transactions';
const PAGE = 500;
const DAYS = 90;
/** Nothing says how long after its date a payout is listed. */
const DELAY_S = 3 * 86_400;
/** What moves a captured or a refunded amount; fees, holdbacks and disputes are the settlement file's. */
const MOVES: ReadonlySet<string> = new Set(['SALE', 'RETURN']);
/** `3/500`: which payout of the range, and how many of its transactions were seen. */
const CURSOR = /^(\d{1,6})\/(\d{1,8})$/;

export const list: ProviderList = {
  what: 'captures and refunds that were paid out (payouts of 90 days)',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const { account, mode } = context.settings;
  if (account === undefined) {
    return {
      kind: 'refused',
      detail: 'set "account" to the last part of the webhooks\' subject_account_id: what is listed does not name it',
    };
  }
  const [, index, seen] = CURSOR.exec(cursor ?? '0/0') ?? [];
  if (index === undefined || seen === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const dates = { start_date: timeText(range.from), end_date: timeText(range.to) };
  const query = new URLSearchParams({ ...dates, size: '1', offset: index });
  const answer = await ask(`${PAYOUTS}?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'access to the Settlements API');
  listSlices(answer.body, 'payouts');
  const [payout] = listAt(parseExactJson(answer.body), 'payouts');
  if (payout === undefined) return { kind: 'page', path: PAYOUTS, events: [], next: null };
  const found = await transactionsOf(payout, seen, context);
  if (found.kind !== 'transactions') return found;
  const at = isoTime(textAt(payout, 'payout_date')) ?? null;
  const events = found.slices.flatMap((body, n): ListedEvent[] =>
    MOVES.has(textAt(found.elements[n], 'type') ?? '')
      ? [{ body, at, account, live: mode !== 'test', object: true }]
      : [],
  );
  const next = found.more ? `${index}/${Number(seen) + found.slices.length}` : `${Number(index) + 1}/0`;
  return { kind: 'page', path: TRANSACTIONS, events, next };
}

type Transactions = {
  readonly kind: 'transactions';
  readonly elements: readonly Json[];
  readonly slices: readonly Buffer[];
  readonly more: boolean;
};

async function transactionsOf(
  payout: Json,
  seen: string,
  context: ApiContext,
): Promise<Transactions | Exclude<ListedPage, { kind: 'page' }>> {
  const reference = textAt(payout, 'payment_reference');
  // Asked without one, Klarna would list the transactions of all payouts there ever were.
  if (reference === undefined || reference === '')
    throw new PosternError('unreadable_event', 'a payout names no payment_reference');
  const query = new URLSearchParams({ payment_reference: reference, size: String(PAGE), offset: seen });
  const answer = await ask(`${TRANSACTIONS}?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, 'access to the Settlements API');
  const slices = listSlices(answer.body, 'transactions');
  const body = parseExactJson(answer.body);
  const total = textAt(body, 'pagination', 'total');
  const counted = total !== undefined && /^\d{1,9}$/.test(total) ? Number(total) : null;
  const more = counted === null ? slices.length >= PAGE : Number(seen) + slices.length < counted;
  // Going on from where nothing came would never end; ending there would leave out what was counted.
  if (more && slices.length === 0) throw new PosternError('unreadable_event', 'Klarna counts more than it lists');
  return { kind: 'transactions', elements: listAt(body, 'transactions'), slices, more };
}

/** Klarna's samples have no milliseconds. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
