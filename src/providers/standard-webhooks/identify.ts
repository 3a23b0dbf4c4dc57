import { messageOf } from '../../errors.ts';
import { isObject, type Json, parseExactJson, textAt } from '../../exact-json.ts';
import { readTime, steps } from '../body-paths.ts';
import { contentFingerprint } from '../content-fingerprint.ts';
import { readMapping } from '../mapping.ts';
import type { EndpointSettings, Identification, WebhookRequest } from '../provider.ts';
import { signedHeaders } from './webhook.ts';

/** The message id is a header, but a signed one; type and time are the body's. */
export function identify(request: WebhookRequest, settings: EndpointSettings): Identification {
  const headers = signedHeaders(request);
  if ('reason' in headers) return { kind: 'unreadable', detail: headers.detail };
  let body: Json;
  try {
    body = parseExactJson(request.body);
  } catch (error) {
    return { kind: 'unreadable', detail: messageOf(error) };
  }
  if (!isObject(body)) return { kind: 'unreadable', detail: 'the body is no JSON object' };
  return {
    kind: 'events',
    events: [
      {
        item: 0,
        id: headers.id,
        idSigned: true,
        transmissionId: null,
        type: textAt(body, ...steps(readMapping(settings)?.type_path ?? 'type')) ?? 'unknown',
        apiVersion: null,
        live: null,
        account: null,
        occurredAt: readTime(textAt(body, 'timestamp')),
        fingerprint: () => contentFingerprint(request.body, []),
      },
    ],
  };
}
