import type { Egress } from './egress.ts';
import { PosternError } from './errors.ts';
import type { ApiAnswer, ApiCall, Provider } from './providers/provider.ts';

/** Calls to processors' APIs: each adapter reaches its own hosts and no other's, however its call came about. */
export function createApiCalls(egress: Egress): (provider: Provider, call: ApiCall) => Promise<ApiAnswer> {
  return async (provider, { method, host, path, headers, body }) => {
    if (provider.api?.hosts.includes(host) !== true)
      throw new PosternError('egress_refused', `${host} is no host of ${provider.title}'s API`);
    if (!path.startsWith('/')) throw new PosternError('egress_refused', 'a path begins with a slash');
    return egress.call({ method, url: `https://${host}${path}`, headers, ...(body === undefined ? {} : { body }) });
  };
}
