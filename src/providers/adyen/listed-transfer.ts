import { createHash } from 'node:crypto';
import { type JsonObject, textAt } from '../../exact-json.ts';
import { isoTime } from '../iso-time.ts';
import type { IdentifiedEvent } from '../provider.ts';

/** No webhook of Adyen's is called so. */
export const LISTED = 'balancePlatform.transfer.listed';

/** A listed transfer the way a platform webhook brings it, its own bytes unchanged. */
export function listedBody(transfer: Buffer, live: boolean): Buffer {
  const front = `{"type":"${LISTED}","environment":"${live ? 'live' : 'test'}","data":`;
  return Buffer.concat([Buffer.from(front), transfer, Buffer.from('}')]);
}

/** A transfer in its present state, as an event: a later state is another event, however many webhooks told of it. */
export function listedEvent(body: JsonObject): IdentifiedEvent | null {
  const [id, status] = [textAt(body, 'data', 'id'), textAt(body, 'data', 'status')];
  if (id === undefined || status === undefined) return null;
  const name = [LISTED, id, status].join(':');
  const money = [['amount', 'value'], ['amount', 'currency'], ['direction']].map((path) =>
    textAt(body, 'data', ...path),
  );
  const environment = textAt(body, 'environment');
  return {
    item: 0,
    id: name,
    idSigned: true,
    transmissionId: null,
    type: LISTED,
    apiVersion: null,
    live: environment === 'live' ? true : environment === 'test' ? false : null,
    account: textAt(body, 'data', 'balanceAccount', 'id') ?? textAt(body, 'data', 'balanceAccountId') ?? null,
    occurredAt: isoTime(textAt(body, 'data', 'creationDate') ?? textAt(body, 'data', 'createdAt')) ?? null,
    fingerprint: () =>
      createHash('sha256')
        .update(JSON.stringify([name, ...money.map((one) => one ?? '')]))
        .digest(),
  };
}
