import type { ApiAnswer, ApiContext } from '../provider.ts';

export const HOST = 'api.razorpay.com';

export function get(path: string, { settings, call }: ApiContext): Promise<ApiAnswer> {
  const basic = Buffer.from(String(settings.api_key ?? '')).toString('base64');
  return call({ method: 'GET', host: HOST, path, headers: { authorization: `Basic ${basic}` } });
}
