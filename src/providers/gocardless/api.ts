import { messageOf } from '../../errors.ts';
import { parseExactJson } from '../../exact-json.ts';
import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, LIVE, SANDBOX } from './ask.ts';
import { list } from './list.ts';
import { reports } from './reports.ts';

/** The largest page there is. A payment has a dozen events, and rarely more than one payout is bounced at a time. */
const PAGE = 500;
const AGAIN_MS = 60_000;

export const api: ProviderApi = {
  hosts: [LIVE, SANDBOX],
  keySetting: 'api_key',
  list,
  reports,
  async fetchObject(object, context) {
    const id = encodeURIComponent(object.id);
    switch (object.kind) {
      case 'payment':
        return paymentWithHistory(object, context);
      case 'refund':
        return get(`/refunds/${id}`, object, context);
      case 'payout':
        return get(`/payouts/${id}`, object, context);
      case 'bounced_payouts':
        return get(`/payouts?creditor=${id}&status=bounced&limit=${PAGE}`, object, context);
      default:
        return { kind: 'missing', detail: `GoCardless is not asked for a ${object.kind}` };
    }
  },
};

/** `{"payment":<answer>,"history":<answer>}`, in the answers' own bytes, so that no number passes through ours. */
async function paymentWithHistory(object: ObjectReference, context: ApiContext): Promise<Fetched> {
  const id = encodeURIComponent(object.id);
  const payment = await get(`/payments/${id}`, object, context);
  if (payment.kind !== 'found') return payment;
  const history = await get(`/events?payment=${id}&limit=${PAGE}`, object, context);
  if (history.kind !== 'found') return history;
  const parts = ['{"payment":', payment.body, ',"history":', history.body, '}'];
  return { kind: 'found', body: Buffer.concat(parts.map((part) => Buffer.from(part))) };
}

async function get(path: string, object: ObjectReference, context: ApiContext): Promise<Fetched> {
  const answer = await ask(path, context);
  const found = fetchedFrom(answer, context.now, `${object.kind} ${object.id}`);
  if (found.kind !== 'found') return found;
  try {
    parseExactJson(found.body);
    return found;
  } catch (error) {
    // A page of a proxy on the way: another answer may be there in a minute.
    return { kind: 'later', at: context.now + AGAIN_MS, detail: messageOf(error) };
  }
}
