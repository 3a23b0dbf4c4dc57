import { PosternError } from '../../errors.ts';
import { at, listAt, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import type { ApiAnswer, ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask } from './ask.ts';
import { formOf } from './listed-object.ts';
import { timeOf } from './times.ts';
import { parseXml } from './xml.ts';
import { xmlSlices } from './xml-slices.ts';

/*
 * developer.paypal.com/braintree/docs/reference/request/transaction/search, dispute/search. There is no list of
 * notifications, so transactions are searched by when they came into a state that moves money, and disputes by the day on
 * which their state changed: old ones are found as well. A search of transactions answers with all ids, of which at most 50
 * are then asked for at once (braintree_node:lib/braintree/gateway.js). Disbursements cannot be searched.
 */
const IDS = '/transactions/advanced_search_ids';
const TRANSACTIONS = '/transactions/advanced_search';
const DISPUTES = '/disputes/advanced_search';
const AT_ONCE = 50;
/** Of one page, so that the ids are not searched anew for each 50. */
const CALLS = 10;
/** A search tells no more than some ten thousand ids, and not that it left any out: such a range is halved. */
const IDS_MAX = 10_000;
const SPAN_MIN_MS = 1_000;
const DAYS = 90;
/** How long the search lags behind is not told. */
const DELAY_S = 3_600;
/** Nothing finds a transaction by when its settlement was declined, which it is some days after it was submitted. */
const DECLINED_WITHIN_MS = 14 * 86_400_000;

type Stage = { readonly field: string; readonly statuses: readonly string[]; readonly besides?: object };
const STAGES: Readonly<Record<string, Stage>> = {
  submitted: { field: 'submitted_for_settlement_at', statuses: ['submitted_for_settlement'] },
  settled: { field: 'settled_at', statuses: ['settled'] },
  declined: {
    field: 'submitted_for_settlement_at',
    statuses: ['settlement_declined'],
    besides: { status: ['settlement_declined'] },
  },
  voided: { field: 'voided_at', statuses: ['voided'] },
  failed: { field: 'failed_at', statuses: ['failed'] },
};
const ORDER = Object.keys(STAGES);
/** `settled/1767222000000/3600000/abc`: by what, which window, after which id; `disputes/2`: which page. */
const CURSOR = /^(?:([a-z]{1,20})\/(\d{1,15})\/(\d{1,15})\/([A-Za-z0-9_-]{0,64})|disputes\/(\d{1,5}))$/;

export const list: ProviderList = {
  what: 'transactions and disputes as they are (changed in 90 days); no disbursements',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, named, from, span, after = '', number] = CURSOR.exec(cursor ?? begin('submitted', range)) ?? [];
  if (number !== undefined) return disputes(range, Number(number), context);
  const stage = named !== undefined && Object.hasOwn(STAGES, named) ? STAGES[named] : undefined;
  if (stage === undefined || named === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  return transactions(range, { named, stage, from: Number(from), span: Number(span), after }, context);
}

function begin(stage: string, { from, to }: TimeRange): string {
  const first = stage === 'declined' ? Math.max(from - DECLINED_WITHIN_MS, 0) : from;
  return `${stage}/${first}/${Math.max(to - first, 1)}/`;
}

type Window = {
  readonly named: string;
  readonly stage: Stage;
  readonly from: number;
  readonly span: number;
  readonly after: string;
};

async function transactions(range: TimeRange, window: Window, context: ApiContext): Promise<ListedPage> {
  const { named, stage, from, span, after } = window;
  const to = Math.min(from + span, range.to);
  const criteria = { [stage.field]: { min: timeText(from), max: timeText(to) }, ...stage.besides };
  const found = await searched(IDS, criteria, context);
  if ('kind' in found) return found;
  const { name, value } = parseXml(found.body.toString('utf8'));
  if (name !== 'search-results' || !Array.isArray(at(value, 'ids')))
    throw new PosternError('unreadable_event', 'the answer has no search-results with ids');
  const ids = listAt(value, 'ids').flatMap((id) => (typeof id === 'string' && id !== '' ? [id] : []));
  if (ids.length >= IDS_MAX) {
    const half = Math.ceil(span / 2);
    if (half < SPAN_MIN_MS)
      return { kind: 'refused', detail: `over ${IDS_MAX} transactions within a second cannot be listed whole` };
    return { kind: 'page', path: TRANSACTIONS, events: [], next: `${named}/${from}/${half}/` };
  }
  // In an order of our own, so that the next page goes on after the same one whatever was found meanwhile.
  const wanted = ids.filter((id) => id > after).sort();
  const events: ListedEvent[] = [];
  for (let n = 0; n < Math.min(wanted.length, AT_ONCE * CALLS); n += AT_ONCE) {
    const answer = await searched(TRANSACTIONS, { ...criteria, ids: wanted.slice(n, n + AT_ONCE) }, context);
    if ('kind' in answer) return answer;
    for (const slice of xmlSlices(answer.body.toString('utf8'), 'credit-card-transactions', 'transaction'))
      events.push({ body: formOf(slice), at: enteredAt(slice, stage), object: true, ...modeOf(context) });
  }
  const rest = wanted[AT_ONCE * CALLS];
  const last = wanted[AT_ONCE * CALLS - 1];
  if (rest !== undefined && last !== undefined)
    return { kind: 'page', path: TRANSACTIONS, events, next: `${named}/${from}/${span}/${last}` };
  const following = ORDER[ORDER.indexOf(named) + 1];
  const next =
    to < range.to
      ? `${named}/${to}/${Math.min(span * 2, range.to - to)}/`
      : following === undefined
        ? 'disputes/1'
        : begin(following, range);
  return { kind: 'page', path: TRANSACTIONS, events, next };
}

/** A refusal, or the answer. */
async function searched(
  path: string,
  criteria: object,
  context: ApiContext,
): Promise<ApiAnswer | Extract<ListedPage, { kind: 'refused' | 'later' }>> {
  const answer = await ask(path, context, criteria);
  if (answer === null) return { kind: 'refused', detail: 'set merchant_id beside api_key (publicKey:privateKey)' };
  if (answer.status === 200) return answer;
  return refusalOf(
    answer,
    context.now,
    'a role that may view and search transactions and disputes, which its user needs',
  );
}

/** When the transaction came into the state it was searched by: what its settlement declined before or after is left out. */
function enteredAt(slice: string, { statuses }: Stage): number | null {
  const { value } = parseXml(slice);
  const entry = listAt(value, 'status-history').find((one) => statuses.includes(textAt(one, 'status') ?? ''));
  return timeOf(textAt(entry, 'timestamp')) ?? null;
}

async function disputes(range: TimeRange, number: number, context: ApiContext): Promise<ListedPage> {
  const criteria = { effective_date: { min: dayText(range.from), max: dayText(range.to) } };
  const answer = await searched(`${DISPUTES}?page=${number}`, criteria, context);
  if ('kind' in answer) return answer;
  const slices = xmlSlices(answer.body.toString('utf8'), 'disputes', 'dispute');
  // Of a change only the day is told, so none lies outside; each state is taken in once.
  const events = slices.map((slice) => ({ body: formOf(slice), at: null, object: true as const, ...modeOf(context) }));
  return { kind: 'page', path: DISPUTES, events, next: slices.length === 0 ? null : `disputes/${number + 1}` };
}

function modeOf({ settings }: ApiContext): { live: boolean } {
  return { live: settings.mode !== 'test' };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

function dayText(ms: number): string {
  return timeText(ms).slice(0, 10);
}
