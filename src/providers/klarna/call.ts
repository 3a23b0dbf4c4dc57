import type { ApiAnswer, ApiContext, EndpointSettings } from '../provider.ts';

/** docs.klarna.com/api/api-urls: Europe, North America, Oceania; live and playground. */
const HOSTS = {
  eu: { live: 'api.klarna.com', test: 'api.playground.klarna.com' },
  na: { live: 'api-na.klarna.com', test: 'api-na.playground.klarna.com' },
  oc: { live: 'api-oc.klarna.com', test: 'api-oc.playground.klarna.com' },
} as const;

export const REGIONS = Object.keys(HOSTS);
export const ALL_HOSTS = Object.values(HOSTS).flatMap(({ live, test }) => [live, test]);

/** The key is user and password as Klarna gives them, "K123456_abc:…". */
export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  const credentials = Buffer.from(String(settings.api_key)).toString('base64');
  const headers = { authorization: `Basic ${credentials}`, accept: 'application/json' };
  return call({ method: 'GET', host: hostOf(settings), path, headers });
}

function hostOf({ region, mode }: EndpointSettings): string {
  const hosts = region === 'na' ? HOSTS.na : region === 'oc' ? HOSTS.oc : HOSTS.eu;
  return mode === 'test' ? hosts.test : hosts.live;
}
