import { createHash } from 'node:crypto';
import { parseExactJson, textAt } from '../../exact-json.ts';
import { hmacSha256 } from '../signature.ts';
import { compositeId } from './webhook.ts';

/** The headers Razorpay would send with this body; the event id stays the same for each try of one event. */
export function sign(request: { readonly body: Buffer }, secret: string): Array<[string, string]> {
  return [
    ['content-type', 'application/json'],
    ['user-agent', 'Razorpay-Webhook/v1'],
    ['x-razorpay-event-id', eventIdOf(request.body)],
    ['x-razorpay-signature', hmacSha256(secret, request.body).toString('hex')],
  ];
}

function eventIdOf(body: Buffer): string {
  let about = body.toString();
  try {
    const parsed = parseExactJson(body);
    about = compositeId(parsed, textAt(parsed, 'event') ?? '');
  } catch {
    // What is no JSON can still be signed: then the bytes name it.
  }
  return createHash('sha256').update(about).digest('base64url').replaceAll(/[-_]/g, 'x').slice(0, 14);
}
