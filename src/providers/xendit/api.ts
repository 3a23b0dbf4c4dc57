import { fetchedFrom } from '../api-answer.ts';
import type { ApiContext, Fetched, ObjectReference, ProviderApi } from '../provider.ts';

const HOST = 'api.xendit.co';
/** Payments before this version are other objects. */
const PAYMENTS_VERSION = '2024-11-11';

/** Keys of both modes are of the same host; the key is the user name of a Basic authentication without password. */
export const api: ProviderApi = {
  hosts: [HOST],
  keySetting: 'api_key',
  async fetchObject(object: ObjectReference, { settings, now, call }: ApiContext): Promise<Fetched> {
    const path = pathOf(object);
    if (path === null) return { kind: 'missing', detail: `there is no way to ask Xendit for a ${object.kind}` };
    const credentials = Buffer.from(`${String(settings.api_key ?? '')}:`).toString('base64');
    const answer = await call({
      method: 'GET',
      host: HOST,
      path,
      headers: {
        authorization: `Basic ${credentials}`,
        accept: 'application/json',
        ...(object.kind === 'payment' ? { 'api-version': PAYMENTS_VERSION } : {}),
      },
    });
    return fetchedFrom(answer, now, `${object.kind} ${object.id}`);
  },
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
