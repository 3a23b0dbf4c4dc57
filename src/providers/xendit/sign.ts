import { createHash } from 'node:crypto';
import { parseExactJson } from '../../exact-json.ts';
import { compositeId } from './webhook.ts';

/** The headers Xendit would send with this body; webhook-id stays the same for each try of one event. */
export function sign(request: { readonly body: Buffer }, secret: string): Array<[string, string]> {
  return [
    ['content-type', 'application/json; charset=utf-8'],
    ['user-agent', 'Xendit'],
    ['webhook-id', eventIdOf(request.body)],
    ['x-callback-token', secret],
  ];
}

function eventIdOf(body: Buffer): string {
  let about: string | undefined;
  try {
    about = compositeId(parseExactJson(body));
  } catch {
    // What is no JSON can still be sent: then the bytes name it.
  }
  return createHash('sha256')
    .update(about ?? body)
    .digest('hex')
    .slice(0, 24);
}
