import { fetchedFrom } from '../api-answer.ts';
import type { ProviderApi } from '../provider.ts';
import { ALL_HOSTS, ask } from './call.ts';
import { list } from './list.ts';

export const api: ProviderApi = {
  hosts: ALL_HOSTS,
  keySetting: 'api_key',
  async fetchObject(object, context) {
    if (object.kind !== 'order') return { kind: 'missing', detail: `Klarna is not asked for a ${object.kind}` };
    const answer = await ask(`/ordermanagement/v1/orders/${encodeURIComponent(object.id)}`, context);
    return fetchedFrom(answer, context.now, `order ${object.id}`);
  },
  list,
};
