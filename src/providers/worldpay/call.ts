import type { ApiAnswer, ApiContext } from '../provider.ts';

const LIVE = 'access.worldpay.com';
const TRY = 'try.access.worldpay.com';
export const HOSTS = [LIVE, TRY];
export const PAYMENTS = '/paymentQueries/payments';

/** The key is the user name and password of the API; they tell no environment, the endpoint's mode does. */
export function ask(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  const credentials = Buffer.from(String(settings.api_key)).toString('base64');
  return call({
    method: 'GET',
    host: settings.mode === 'test' ? TRY : LIVE,
    path,
    headers: { authorization: `Basic ${credentials}`, accept: 'application/vnd.worldpay.payment-queries-v1.hal+json' },
  });
}
