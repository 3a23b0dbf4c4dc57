import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, LIVE, SANDBOX } from './ask.ts';
import { list } from './list.ts';
import { reports } from './reports.ts';

export const api: ProviderApi = { hosts: [LIVE, SANDBOX], keySetting: 'api_key', fetchObject, list, reports };

/**
 * The actions of a listed payment, which carry its money under the ids its events name them by.
 * api-reference.checkout.com, "Get payment actions"
 */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  if (kind !== 'payment') return { kind: 'missing', detail: `Checkout.com is not asked for a ${kind}` };
  return fetchedFrom(
    await ask(`/payments/${encodeURIComponent(id)}/actions`, context),
    context.now,
    `actions of payment ${id}`,
  );
}
