import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, HOST } from './ask.ts';
import { list } from './list.ts';

/** v3 only: what v4 sends is signed. */
export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  async fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
    const folder = kind === 'payment' ? 'transactions' : kind === 'transfer' ? 'transfers' : null;
    if (folder === null) return { kind: 'missing', detail: `there is no way to ask Flutterwave for a ${kind}` };
    const verify = kind === 'payment' ? '/verify' : '';
    const answer = await ask(`/v3/${folder}/${encodeURIComponent(id)}${verify}`, context);
    // Our path is always right, so a bad request is an id that Flutterwave does not know.
    if (answer.status === 400) return { kind: 'missing', detail: `${kind} ${id}: answered 400` };
    return fetchedFrom(answer, context.now, `${kind} ${id}`);
  },
  list,
};
