import { constants, sign as rsaSign } from 'node:crypto';
import { HEADER } from './webhook.ts';

/** The headers Wise would send with this body, if `privateKey` (PEM) were Wise's. */
export function sign(body: Buffer, privateKey: string, deliveryId: string): Array<[string, string]> {
  const signature = rsaSign('sha256', body, { key: privateKey, padding: constants.RSA_PKCS1_PADDING });
  return [
    ['content-type', 'application/json'],
    ['x-delivery-id', deliveryId],
    [HEADER, signature.toString('base64')],
  ];
}
