import { hmac } from '../signature.ts';

/** The headers Paystack would send with this body. */
export function sign(request: { readonly body: Buffer }, secret: string): Array<[string, string]> {
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['user-agent', 'Paystack/2.0'],
    ['x-paystack-signature', hmac('sha512', secret, request.body).toString('hex')],
  ];
}
