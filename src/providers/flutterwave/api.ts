import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';

const HOST = 'api.flutterwave.com';

/** v3 only: what v4 sends is signed. Test keys are of the same host. */
export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  async fetchObject({ kind, id }: ObjectReference, { settings, now, call }: ApiContext): Promise<Fetched> {
    const folder = kind === 'payment' ? 'transactions' : kind === 'transfer' ? 'transfers' : null;
    if (folder === null) return { kind: 'missing', detail: `there is no way to ask Flutterwave for a ${kind}` };
    const answer = await call({
      method: 'GET',
      host: HOST,
      path: `/v3/${folder}/${encodeURIComponent(id)}${kind === 'payment' ? '/verify' : ''}`,
      headers: { authorization: `Bearer ${String(settings.api_key ?? '')}`, accept: 'application/json' },
    });
    // Our path is always right, so a bad request is an id that Flutterwave does not know.
    if (answer.status === 400) return { kind: 'missing', detail: `${kind} ${id}: answered 400` };
    return fetchedFrom(answer, now, `${kind} ${id}`);
  },
};
