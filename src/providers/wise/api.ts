import { fetchedFrom } from '../api-answer.ts';
import type { ProviderApi } from '../provider.ts';

const LIVE = 'api.wise.com';
const SANDBOX = 'api.wise-sandbox.com';

/** A token tells no environment: the endpoint's mode does. */
export const api: ProviderApi = {
  hosts: [LIVE, SANDBOX],
  keySetting: 'api_key',
  async fetchObject(object, { settings, now, call }) {
    if (object.kind !== 'transfer') return { kind: 'missing', detail: `Wise is not asked for a ${object.kind}` };
    const answer = await call({
      method: 'GET',
      host: settings.mode === 'test' ? SANDBOX : LIVE,
      path: `/v1/transfers/${encodeURIComponent(object.id)}`,
      headers: { authorization: `Bearer ${String(settings.api_key)}`, accept: 'application/json' },
    });
    return fetchedFrom(answer, now, `transfer ${object.id}`);
  },
};
