import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, HOST } from './ask.ts';
import { list } from './list.ts';

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  /** A listed transaction that does not say whether it was split. paystack.com/docs/api/transaction/#fetch */
  async fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
    if (kind !== 'transaction') return { kind: 'missing', detail: `Paystack is not asked for a ${kind}` };
    return fetchedFrom(await ask(`/transaction/${encodeURIComponent(id)}`, context), context.now, `transaction ${id}`);
  },
  list,
};
