import { listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { fetchedFrom } from '../api-answer.ts';
import { refusalOf } from '../api-refusal.ts';
import type {
  ApiContext,
  Fetched,
  ListedEvent,
  ListedPage,
  ObjectReference,
  ProviderApi,
  TimeRange,
} from '../provider.ts';
import { get, HOST } from './ask.ts';
import { unixTime } from './entity.ts';
import { reports } from './reports.ts';

/*
 * razorpay.com/docs/api/payments/fetch-all-payments, refunds/fetch-all, settlements/fetch-all. Razorpay has no list of events,
 * so the entities themselves are listed, by when they were made.
 */
const PAGE = 100;
const DAYS = 90;
/** Entities change after they were made (a payment is captured days later), but are found by when they were made only. */
const DELAY_S = 86_400;
const STAGES = ['payments', 'refunds', 'settlements'] as const;
/** `refunds/100`: which list, and how many of it were seen. */
const CURSOR = /^(payments|refunds|settlements)\/(\d{1,7})$/;
const KEY = /^rzp_(live|test)_[A-Za-z0-9]{6,64}:[A-Za-z0-9]{8,128}$/;
const ACCOUNT = /^acc_[A-Za-z0-9]{1,64}$/;

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  fetchObject,
  list: { what: 'payments, refunds, settlements as they are (made in 90 days)', days: DAYS, delayS: DELAY_S, page },
  reports,
};

/** The id and the secret of an API key, with a colon between. */
export function isApiKey(value: unknown): value is string {
  return typeof value === 'string' && KEY.test(value);
}

/** The account as webhooks name it: what is listed names none, and posts under another name it would be counted twice. */
export function isAccountId(value: unknown): value is string {
  return typeof value === 'string' && ACCOUNT.test(value);
}

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const { account } = context.settings;
  if (!isAccountId(account)) {
    return {
      kind: 'refused',
      detail: 'set "account" to the acc_… id of the webhooks: what is listed does not name it',
    };
  }
  const [, named, seen = '0'] = CURSOR.exec(cursor ?? 'payments/0') ?? [];
  const stage = STAGES.find((one) => one === named);
  if (stage === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const path = `/v1/${stage}`;
  const [from, to] = [Math.floor(range.from / 1_000), Math.ceil(range.to / 1_000)];
  const answer = await get(`${path}?from=${from}&to=${to}&count=${PAGE}&skip=${seen}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, `read access to ${stage}`);
  const elements = listAt(parseExactJson(answer.body), 'items');
  const slices = listSlices(answer.body, 'items');
  const live = String(context.settings.api_key).startsWith('rzp_live_');
  const events = slices.flatMap((bytes, n): ListedEvent[] => {
    const at = unixTime(textAt(elements[n], 'created_at')) ?? null;
    if (at !== null && (at < range.from || at >= range.to)) return [];
    const status = textAt(elements[n], 'status') ?? '';
    // What moved no money: a payment that was only begun, and a settlement that is not on its way to the bank.
    if (stage === 'payments' && status === 'created') return [];
    if (stage === 'settlements' && (status === 'created' || status === 'failed')) return [];
    return [{ body: bytes, at, account, live, object: true }];
  });
  const following = STAGES[STAGES.indexOf(stage) + 1];
  const further = `${stage}/${Number(seen) + slices.length}`;
  // A page that is not full may be cut short: only an empty one is the end.
  const next = slices.length > 0 ? further : following === undefined ? null : `${following}/0`;
  return { kind: 'page', path, events, next };
}

/** A listed refund does not say whether its payment was ever captured, which its webhook says: the payment does. */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  if (kind !== 'payment') return { kind: 'missing', detail: `Razorpay is not asked for a ${kind}` };
  const answer = await get(`/v1/payments/${encodeURIComponent(id)}`, context);
  // "The id provided does not exist" is a 400 there.
  const { status } = answer;
  return fetchedFrom(status === 400 ? { ...answer, status: 404 } : answer, context.now, `payment ${id}`);
}
