import { createEgress, type Egress, type EgressCall } from './egress.ts';
import type { ProxySettings } from './egress-proxy.ts';
import { PosternError } from './errors.ts';
import { isListedHost } from './host-list.ts';
import type { ApiAnswer, ApiCall, Provider } from './providers/provider.ts';
import type { ApiDownload } from './providers/provider-reports.ts';

/** A call to one of the provider's own hosts. @throws PosternError `egress_refused`, `egress_failed`. */
export type ApiCalls = (provider: Provider, call: ApiCall) => Promise<ApiAnswer>;

/** The same for a file of any size. */
export type ApiDownloads = (provider: Provider, call: ApiCall) => Promise<ApiDownload>;

/** A page of a hundred events, each with the lines of an invoice. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
/** The fetcher's six and four backfills: processors that hold theirs open must not take the way from the others. */
const TUNNELS_MAX = 10;
/** The largest reports have some ten million rows. */
const DOWNLOAD = { maxBytes: 8 * 1024 * 1024 * 1024, timeoutMs: 2 * 3_600_000, idleMs: 60_000 };

/** A way out for calls to processors' APIs alone: pages of theirs are larger and slower than a certificate may be. */
export function createApiEgress(
  providers: Iterable<Provider>,
  proxy: ProxySettings | null,
): { readonly call: ApiCalls; readonly download: ApiDownloads; close(): void } {
  const allowHosts = [...providers].flatMap(hostsOf);
  const egress = createEgress({
    allowHosts,
    proxy,
    timeoutMs: TIMEOUT_MS,
    maxBytes: PAGE_BYTES_MAX,
    tunnelsMax: TUNNELS_MAX,
  });
  return { call: createApiCalls(egress), download: createApiDownloads(egress), close: () => egress.close() };
}

/** Each adapter reaches its own hosts and no other's, however its call came about. */
export function createApiCalls(egress: Pick<Egress, 'call'>): ApiCalls {
  return async (provider, call) => egress.call(asked(provider, call, provider.api?.hosts ?? []));
}

export function createApiDownloads(egress: Pick<Egress, 'download'>): ApiDownloads {
  return async (provider, call) => egress.download(asked(provider, call, hostsOf(provider)), DOWNLOAD);
}

function asked(
  provider: Provider,
  { method, host, path, headers, body }: ApiCall,
  hosts: readonly string[],
): EgressCall {
  if (!isListedHost(host, hosts))
    throw new PosternError('egress_refused', `${host} is no host of ${provider.title}'s API`);
  if (!path.startsWith('/')) throw new PosternError('egress_refused', 'a path begins with a slash');
  return { method, url: `https://${host}${path}`, headers, ...(body === undefined ? {} : { body }) };
}

function hostsOf({ api }: Provider): readonly string[] {
  return [...(api?.hosts ?? []), ...(api?.reports?.hosts ?? [])];
}
