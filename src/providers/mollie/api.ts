import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, EndpointSettings, Fetched, ObjectReference, ProviderApi } from '../provider.ts';

const HOST = 'api.mollie.com';

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  async fetchObject(object: ObjectReference, context: ApiContext): Promise<Fetched> {
    const path = pathOf(object, context.settings);
    if (path === null) return { kind: 'missing', detail: `there is no way to ask Mollie for a ${object.kind}` };
    const answer = await context.call({
      method: 'GET',
      host: HOST,
      path,
      headers: { authorization: `Bearer ${String(context.settings.api_key ?? '')}`, accept: 'application/hal+json' },
    });
    return fetchedFrom(answer, context.now, `${object.kind} ${object.id}`);
  },
};

function pathOf({ kind, id }: ObjectReference, settings: EndpointSettings): string | null {
  const query = new URLSearchParams();
  if (kind === 'payment') query.set('embed', 'captures,refunds,chargebacks');
  else if (kind !== 'event') return null;
  // An API key is of one mode; an organisation's access token sees live objects unless it is told otherwise.
  if (settings.mode === 'test' && String(settings.api_key).startsWith('access_')) query.set('testmode', 'true');
  const folder = kind === 'payment' ? 'payments' : 'events';
  const text = query.size === 0 ? '' : `?${query}`;
  return `/v2/${folder}/${encodeURIComponent(id)}${text}`;
}
