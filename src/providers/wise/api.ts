import { fetchedFrom } from '../api-answer.ts';
import type { ObjectReference, ProviderApi } from '../provider.ts';
import { ask, HOSTS } from './call.ts';
import { list } from './list.ts';

export const api: ProviderApi = {
  hosts: HOSTS,
  keySetting: 'api_key',
  async fetchObject(object, context) {
    const path = pathOf(object);
    if (path === null) return { kind: 'missing', detail: `Wise is not asked for a ${object.kind}` };
    return fetchedFrom(await ask(path, context), context.now, `${object.kind} ${object.id}`);
  },
  list,
};

/** A quote has its profile in front: `7001/00000000-…`. */
function pathOf({ kind, id }: ObjectReference): string | null {
  if (kind === 'transfer') return `/v1/transfers/${encodeURIComponent(id)}`;
  const [profile, quote, third] = id.split('/');
  if (kind !== 'quote' || profile === undefined || quote === undefined || third !== undefined) return null;
  return `/v3/profiles/${encodeURIComponent(profile)}/quotes/${encodeURIComponent(quote)}`;
}
