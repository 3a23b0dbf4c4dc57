import { fetchedFrom } from '../api-answer.ts';
import type { ProviderApi } from '../provider.ts';
import { ask, HOSTS, PAYMENTS } from './call.ts';
import { list } from './list.ts';

export const api: ProviderApi = {
  hosts: HOSTS,
  keySetting: 'api_key',
  async fetchObject({ kind, id }, context) {
    if (kind !== 'payment') return { kind: 'missing', detail: `Worldpay is not asked for a ${kind}` };
    const answer = await ask(`${PAYMENTS}/${encodeURIComponent(id)}`, context);
    // "If the paymentId does not exist then an empty response will be returned."
    const known = answer.status !== 200 || answer.body.length > 0;
    return fetchedFrom(known ? answer : { ...answer, status: 404 }, context.now, `payment ${id}`);
  },
  list,
};
