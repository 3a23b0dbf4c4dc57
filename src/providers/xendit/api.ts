import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';
import { ask, HOST } from './call.ts';
import { list } from './list.ts';

/** Payments before this version are other objects. */
const PAYMENTS_VERSION = '2024-11-11';

export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  async fetchObject(object: ObjectReference, context: ApiContext): Promise<Fetched> {
    const path = pathOf(object);
    if (path === null) return { kind: 'missing', detail: `there is no way to ask Xendit for a ${object.kind}` };
    const version = object.kind === 'payment' ? { 'api-version': PAYMENTS_VERSION } : {};
    return fetchedFrom(await ask(path, context, version), context.now, `${object.kind} ${object.id}`);
  },
  list,
};

function pathOf({ kind, id }: ObjectReference): string | null {
  const encoded = encodeURIComponent(id);
  switch (kind) {
    case 'invoice':
      return `/v2/invoices/${encoded}`;
    case 'payment':
      return `/v3/payments/${encoded}`;
    case 'refund':
      return `/refunds/${encoded}`;
    case 'transfer':
      return `/v2/payouts/${encoded}`;
    case 'va_payment':
      return `/callback_virtual_account_payments/payment_id=${encoded}`;
    default:
      return null;
  }
}
