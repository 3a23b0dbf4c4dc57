import { createHash } from 'node:crypto';
import { type Json, parseExactJson, textAt } from '../../exact-json.ts';
import type { EndpointSettings } from '../provider.ts';
import { hmacSha256 } from '../signature.ts';
import { bodyKind, topicOf } from './body.ts';

/** The headers Shopify would send with this body; the event id is made of the object's. `now` in unix ms. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  settings: EndpointSettings = {},
): Array<[string, string]> {
  const body = read(request.body);
  const topic = topicOf(bodyKind(body), undefined);
  return [
    ['content-type', 'application/json'],
    ['user-agent', 'Shopify-Captain-Hook'],
    ['x-shopify-topic', topic],
    ['x-shopify-shop-domain', typeof settings.shop_domain === 'string' ? settings.shop_domain : 'made.myshopify.com'],
    ['x-shopify-api-version', '2026-07'],
    ['x-shopify-webhook-id', uuidOf(request.body)],
    ['x-shopify-event-id', uuidOf(`${topic} ${textAt(body, 'id') ?? ''}`)],
    ['x-shopify-triggered-at', new Date(now).toISOString()],
    ['x-shopify-hmac-sha256', hmacSha256(secret, request.body).toString('base64')],
  ];
}

function read(body: Buffer): Json | undefined {
  try {
    return parseExactJson(body);
  } catch {
    // What is no JSON can be signed all the same; it then has no topic of its own.
    return undefined;
  }
}

function uuidOf(content: string | Buffer): string {
  const hex = createHash('sha256').update(content).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
