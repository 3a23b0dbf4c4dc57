import { createEgress, type Egress } from './egress.ts';
import type { ProxySettings } from './egress-proxy.ts';
import { PosternError } from './errors.ts';
import { isListedHost } from './host-list.ts';
import type { ApiAnswer, ApiCall, Provider } from './providers/provider.ts';

/** A call to one of the provider's own hosts. @throws PosternError `egress_refused`, `egress_failed`. */
export type ApiCalls = (provider: Provider, call: ApiCall) => Promise<ApiAnswer>;

/** A page of a hundred events, each with the lines of an invoice. */
const PAGE_BYTES_MAX = 16 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
/** The fetcher's six and four backfills: processors that hold theirs open must not take the way from the others. */
const TUNNELS_MAX = 10;

/** A way out for calls to processors' APIs alone: pages of theirs are larger and slower than a certificate may be. */
export function createApiEgress(
  providers: Iterable<Provider>,
  proxy: ProxySettings | null,
): { readonly call: ApiCalls; close(): void } {
  const allowHosts = [...providers].flatMap(({ api }) => api?.hosts ?? []);
  const egress = createEgress({
    allowHosts,
    proxy,
    timeoutMs: TIMEOUT_MS,
    maxBytes: PAGE_BYTES_MAX,
    tunnelsMax: TUNNELS_MAX,
  });
  return { call: createApiCalls(egress), close: () => egress.close() };
}

/** Each adapter reaches its own hosts and no other's, however its call came about. */
export function createApiCalls(egress: Egress): ApiCalls {
  return async (provider, { method, host, path, headers, body }) => {
    if (!isListedHost(host, provider.api?.hosts ?? []))
      throw new PosternError('egress_refused', `${host} is no host of ${provider.title}'s API`);
    if (!path.startsWith('/')) throw new PosternError('egress_refused', 'a path begins with a slash');
    return egress.call({ method, url: `https://${host}${path}`, headers, ...(body === undefined ? {} : { body }) });
  };
}
