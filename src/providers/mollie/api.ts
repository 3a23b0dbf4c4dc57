import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, EndpointSettings, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, HOST, isTestToken } from './call.ts';
import { list } from './list.ts';
import { reports } from './reports.ts';

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  async fetchObject(object: ObjectReference, context: ApiContext): Promise<Fetched> {
    const path = pathOf(object, context.settings);
    if (path === null) return { kind: 'missing', detail: `there is no way to ask Mollie for a ${object.kind}` };
    return fetchedFrom(await ask(path, context), context.now, `${object.kind} ${object.id}`);
  },
  list,
  reports,
};

function pathOf({ kind, id }: ObjectReference, settings: EndpointSettings): string | null {
  const query = new URLSearchParams();
  if (kind === 'payment') query.set('embed', 'captures,refunds,chargebacks');
  else if (kind !== 'event') return null;
  if (isTestToken(settings)) query.set('testmode', 'true');
  const folder = kind === 'payment' ? 'payments' : 'events';
  const text = query.size === 0 ? '' : `?${query}`;
  return `/v2/${folder}/${encodeURIComponent(id)}${text}`;
}
