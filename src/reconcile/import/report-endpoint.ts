import { findEndpoint } from '../../endpoints/endpoint-store.ts';
import { PosternError } from '../../errors.ts';
import type { Sql } from '../../postgres/sql.ts';
import type { EndpointSettings, Provider } from '../../providers/provider.ts';
import type { ImportOrder } from './importer.ts';

/** For which processor account a report is, by the names people know its endpoint by. @throws PosternError `not_found` */
export async function reportEndpoint(
  sql: Sql,
  providers: ReadonlyMap<string, Provider>,
  { provider: providerName, endpoint: name }: { readonly provider: string; readonly endpoint: string },
): Promise<ImportOrder['endpoint']> {
  const provider = providers.get(providerName);
  const row = provider === undefined ? undefined : await findEndpoint(sql, providerName, name);
  if (provider === undefined || row === undefined)
    throw new PosternError('not_found', `there is no endpoint ${providerName}/${name}`);
  // `as`: what the provider's own check let through.
  return { id: row.id, name, account: row.account, settings: row.settings as EndpointSettings, provider };
}
