import { fetchedFrom } from '../api-answer.ts';
import type { EndpointSettings, ProviderApi } from '../provider.ts';

/** docs.klarna.com/api/api-urls: Europe, North America, Oceania; live and playground. */
const HOSTS = {
  eu: { live: 'api.klarna.com', test: 'api.playground.klarna.com' },
  na: { live: 'api-na.klarna.com', test: 'api-na.playground.klarna.com' },
  oc: { live: 'api-oc.klarna.com', test: 'api-oc.playground.klarna.com' },
} as const;

export const REGIONS = Object.keys(HOSTS);

export const api: ProviderApi = {
  hosts: Object.values(HOSTS).flatMap(({ live, test }) => [live, test]),
  keySetting: 'api_key',
  async fetchObject(object, { settings, now, call }) {
    if (object.kind !== 'order') return { kind: 'missing', detail: `Klarna is not asked for a ${object.kind}` };
    // The key is user and password as Klarna gives them, "K123456_abc:…".
    const credentials = Buffer.from(String(settings.api_key)).toString('base64');
    const answer = await call({
      method: 'GET',
      host: hostOf(settings),
      path: `/ordermanagement/v1/orders/${encodeURIComponent(object.id)}`,
      headers: { authorization: `Basic ${credentials}`, accept: 'application/json' },
    });
    return fetchedFrom(answer, now, `order ${object.id}`);
  },
};

function hostOf({ region, mode }: EndpointSettings): string {
  const hosts = region === 'na' ? HOSTS.na : region === 'oc' ? HOSTS.oc : HOSTS.eu;
  return mode === 'test' ? hosts.test : hosts.live;
}
