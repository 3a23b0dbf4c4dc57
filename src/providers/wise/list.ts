import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { listSlices } from '../../json-slices.ts';
import { refusalOf } from '../api-refusal.ts';
import type { ApiContext, ListedEvent, ListedPage, ProviderList, TimeRange } from '../provider.ts';
import { ask } from './call.ts';
import { createdAt } from './listed-transfer.ts';

/*
 * docs.wise.com/api-reference/transfer/transferlist: the transfers of one profile, by when they were made, as they are now. In
 * which order is not said, but the end of the range lies in the past, so what was skipped stays the same.
 */
const PATH = '/v1/transfers';
const PAGE = 100;
const DAYS = 90;
/** Transfers change after they were made (one is paid out days later), but are found by when they were made only. */
const DELAY_S = 3 * 86_400;
/** Money that has left, and is back. What was cancelled or bounced is told once it is back. */
const MOVED: ReadonlySet<string> = new Set(['outgoing_payment_sent', 'funds_refunded']);
/** `0/100`: which of the endpoint's profiles, and how many of its transfers were seen. */
const CURSOR = /^(\d{1,4})\/(\d{1,7})$/;
const PROFILE = /^\d{1,18}$/;

export const list: ProviderList = {
  what: 'transfers as they are (made in 90 days)',
  days: DAYS,
  delayS: DELAY_S,
  page,
};

async function page(range: TimeRange, cursor: string | null, context: ApiContext): Promise<ListedPage> {
  const [, index, seen] = CURSOR.exec(cursor ?? '0/0') ?? [];
  if (index === undefined || seen === undefined) return { kind: 'refused', detail: 'the cursor is none of ours' };
  const { accounts = [], mode } = context.settings;
  const profile = accounts[Number(index)];
  if (profile === undefined || !PROFILE.test(profile))
    return { kind: 'refused', detail: '"accounts" must list the ids of our own profiles, which are numbers' };
  const query = new URLSearchParams({
    profile,
    createdDateStart: new Date(range.from).toISOString(),
    createdDateEnd: new Date(range.to).toISOString(),
    limit: String(PAGE),
    offset: seen,
  });
  const answer = await ask(`${PATH}?${query}`, context);
  if (answer.status !== 200) return refusalOf(answer, context.now, `leave to read the transfers of profile ${profile}`);
  const { elements, slices } = elementsOf(answer.body);
  const events = slices.flatMap((body, n): ListedEvent[] => {
    const element = elements[n];
    if (element === undefined || !MOVED.has(textAt(element, 'status') ?? '')) return [];
    return [{ body, at: createdAt(element) ?? null, account: profile, live: mode !== 'test', object: true }];
  });
  // A page that is not full may be cut short: only an empty one is the end.
  if (slices.length > 0) return { kind: 'page', path: PATH, events, next: `${index}/${Number(seen) + slices.length}` };
  const following = Number(index) + 1;
  return { kind: 'page', path: PATH, events, next: following < accounts.length ? `${following}/0` : null };
}

/** The answer is a list and no object. @throws PosternError `unreadable_event` */
function elementsOf(body: Buffer): { elements: readonly Json[]; slices: readonly Buffer[] } {
  // By itself first: within another text half an answer could look whole.
  parseExactJson(body);
  const whole = Buffer.concat([Buffer.from('{"transfers":'), body, Buffer.from('}')]);
  return { elements: listAt(parseExactJson(whole), 'transfers'), slices: listSlices(whole, 'transfers') };
}
