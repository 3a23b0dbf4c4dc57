import { findEndpoint } from '../endpoints/endpoint-store.ts';
import { createEndpointService, type EndpointService } from '../endpoints/service.ts';
import { PosternError } from '../errors.ts';
import { providers } from '../providers/index.ts';
import type { CommandContext, CommandDatabase } from './context.ts';

/** The service a command changes endpoints with. */
export function endpointServiceOf({ pool, keyring }: CommandDatabase, { clock }: CommandContext): EndpointService {
  return createEndpointService({ pool, providers, keyring, clock });
}

/** The id behind the two names people know an endpoint by. @throws PosternError `not_found` */
export async function endpointIdOf({ sql }: CommandDatabase, provider: string, name: string): Promise<number> {
  const found = await findEndpoint(sql, provider, name);
  if (found === undefined) {
    throw new PosternError(
      'not_found',
      `there is no endpoint ${provider}/${name}; "npx postern endpoint list" shows those there are`,
    );
  }
  return found.id;
}
