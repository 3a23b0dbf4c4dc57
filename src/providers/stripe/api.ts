import { at, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import type {
  ApiAnswer,
  ApiContext,
  Fetched,
  ListedEvent,
  ListedPage,
  ObjectReference,
  ProviderApi,
  TimeRange,
} from '../provider.ts';
import { get, HOST } from './ask.ts';
import { FEE_MOVEMENTS } from './balance-transaction.ts';
import { reports } from './reports.ts';

/*
 * docs.stripe.com/api/events/list: events of 30 days, newest first. Each is written in the version the account had when it
 * happened, which may be another than the webhook endpoint's own: such twins are compared by their money, not their bytes.
 *
 * docs.stripe.com/api/balance_transactions/list: the fees, which charge events tell only where the endpoint's version expands
 * them. No webhook brings them.
 */
const PAGE = 100;
const DAYS = 30;

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  fetchObject,
  list: { what: 'events, balance transactions (30 days)', days: DAYS, delayS: 0, covers, page },
  reports,
};

/** Thin events have ids of their own, and are listed by one object at a time only. */
function covers(type: string): boolean {
  return !/^v\d+\./.test(type);
}

const STAGES = {
  events: { path: '/v1/events', permission: 'read access to Events' },
  fees: { path: '/v1/balance_transactions', permission: 'read access to Balance (balance transactions)' },
} as const;

/** `events/0/evt_1`: which list, of which of the endpoint's accounts, after which element. */
const CURSOR = /^(events|fees)\/(\d{1,4})\/([A-Za-z0-9_]{0,255})$/;

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, stage, index, after] = CURSOR.exec(cursor ?? 'events/0/') ?? [];
  if (stage !== 'events' && stage !== 'fees') return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { path, permission } = STAGES[stage];
  const accounts = connectedAccounts(context);
  const account = accounts[Number(index)] ?? null;
  const query = [
    `limit=${PAGE}`,
    `created%5Bgte%5D=${Math.floor(range.from / 1_000)}`,
    `created%5Blt%5D=${Math.ceil(range.to / 1_000)}`,
    ...(after === undefined || after === '' ? [] : [`starting_after=${after}`]),
  ];
  const answer = await get(`${path}?${query.join('&')}`, account, context);
  if (answer.status !== 200) return refused(answer, context.now, permission);

  const body = parseExactJson(answer.body);
  const elements = listAt(body, 'data');
  const events = listSlices(answer.body, 'data').flatMap((bytes, n): ListedEvent[] => {
    const element = elements[n];
    if (stage === 'fees' && !FEE_MOVEMENTS.has(textAt(element, 'type') ?? '')) return [];
    if (stage === 'fees' && textAt(element, 'fee') === '0') return [];
    const created = textAt(element, 'created');
    return [
      {
        body: bytes,
        at: created !== undefined && /^\d{1,11}$/.test(created) ? Number(created) * 1_000 : null,
        ...(account === null ? {} : { account }),
        ...(stage === 'fees' ? { object: true, ...modeOf(context) } : {}),
      },
    ];
  });
  const last = textAt(elements.at(-1), 'id');
  if (at(body, 'has_more') === true && last !== undefined) {
    return { kind: 'page', path, events, next: `${stage}/${index}/${last}` };
  }
  const following = Number(index) + 1;
  const next = following < accounts.length ? `${stage}/${following}/` : stage === 'events' ? 'fees/0/' : null;
  return { kind: 'page', path, events, next };
}

/** Whose events to list: the key's own account, or each connected account that the endpoint names. */
function connectedAccounts({ settings }: ApiContext): readonly (string | null)[] {
  const named = (settings.accounts ?? []).filter((name) => ACCOUNT.test(name));
  return named.length === 0 ? [null] : named;
}

const ACCOUNT = /^acct_[A-Za-z0-9]+$/;

/** A balance transaction does not say which mode it is of; the key does. */
function modeOf({ settings }: ApiContext): { live?: boolean } {
  const mode = /^[rs]k_(live|test)_/.exec(String(settings.api_key))?.[1];
  return mode === undefined ? {} : { live: mode === 'live' };
}

const TXN = 'expand%5B%5D=data.balance_transaction';

/** By what an event calls it: where it is, and what must be written out in it. Ids are put in encoded. */
const PATHS: Readonly<Record<string, (id: string) => string>> = {
  charge: (id) => `/v1/charges/${id}?expand%5B%5D=balance_transaction&expand%5B%5D=refunds.data.balance_transaction`,
  refund: (id) => `/v1/refunds/${id}?expand%5B%5D=balance_transaction&expand%5B%5D=failure_balance_transaction`,
  dispute: (id) => `/v1/disputes/${id}`,
  payout: (id) => `/v1/payouts/${id}`,
  topup: (id) => `/v1/topups/${id}`,
  transfer: (id) => `/v1/transfers/${id}`,
  application_fee: (id) => `/v1/application_fees/${id}`,
  payment_intent: (id) => `/v1/payment_intents/${id}`,
  invoice: (id) => `/v1/invoices/${id}`,
  'checkout.session': (id) => `/v1/checkout/sessions/${id}`,
  'refunds of': (id) => `/v1/refunds?charge=${id}&limit=${PAGE}&${TXN}`,
  'reversals of': (id) => `/v1/transfers/${id}/reversals?limit=${PAGE}`,
  'fee refunds of': (id) => `/v1/application_fees/${id}/refunds?limit=${PAGE}`,
};

/** Whether an object of this kind can be asked for. */
export function isFetchable(kind: string): boolean {
  return Object.hasOwn(PATHS, kind);
}

/** An id may have its connected account in front: `acct_1/ch_1`. */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  const path = Object.hasOwn(PATHS, kind) ? PATHS[kind] : undefined;
  if (path === undefined) return { kind: 'refused', detail: `nothing is known to ask a ${kind} of` };
  const slash = id.indexOf('/');
  const account = slash === -1 ? null : id.slice(0, slash);
  const own = encodeURIComponent(id.slice(slash + 1));
  if (account !== null && !ACCOUNT.test(account)) return { kind: 'refused', detail: `${account} is no account` };
  const answer = await get(path(own), account, context);
  if (answer.status === 200) return { kind: 'found', body: answer.body };
  if (answer.status === 404) return { kind: 'missing', detail: `Stripe knows no ${kind} ${id}` };
  return refused(answer, context.now, `read access to ${kind.replace(/ of$/, '')}`);
}

/** Stripe says itself what another try can help. docs.stripe.com/error-low-level#idempotency */
function refused(answer: ApiAnswer, now: number, permission: string): ReturnType<typeof refusalOf> {
  const retry = answer.headers['stripe-should-retry'];
  return refusalOf(retry === 'true' && answer.status < 500 ? { ...answer, status: 429 } : answer, now, permission);
}
