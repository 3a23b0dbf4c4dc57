import { messageOf } from '../../errors.ts';
import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, HOSTS } from './ask.ts';
import { list } from './list.ts';
import { reports } from './reports.ts';
import { parseXml } from './xml.ts';

export const api: ProviderApi = { hosts: Object.values(HOSTS), keySetting: 'api_key', fetchObject, list, reports };

/** `GET /merchants/{merchant}/transactions/{id}`, whose XML is kept as JSON: `{"transaction":{…}}`. */
async function fetchObject({ kind, id }: ObjectReference, context: ApiContext): Promise<Fetched> {
  if (kind !== 'transaction') return { kind: 'missing', detail: `Braintree is not asked for a ${kind}` };
  const answer = await ask(`/transactions/${encodeURIComponent(id)}`, context);
  if (answer === null)
    return { kind: 'refused', detail: 'to ask Braintree takes merchant_id and api_key (publicKey:privateKey)' };
  const fetched = fetchedFrom(answer, context.now, 'Braintree');
  if (fetched.kind !== 'found') return fetched;
  try {
    const { name, value } = parseXml(fetched.body.toString('utf8'));
    return { kind: 'found', body: Buffer.from(JSON.stringify({ [name]: value })) };
  } catch (error) {
    return { kind: 'refused', detail: messageOf(error) };
  }
}
