import { type Json, listAt, parseExactJson, textAt } from '../../exact-json.ts';
import { refusalOf } from '../api-refusal.ts';
import type { ApiContext, EndpointSettings, Fetched } from '../provider.ts';

/*
 * The GraphQL Admin API, because the REST one is called a legacy (shopify.dev/docs/api/admin-rest). Every shop has a host of
 * its own; the setting shop_domain names it. A version is kept for a year, and then answered by the oldest that is.
 */
const PATH = '/admin/api/2026-07/graphql.json';
const SHOP = /^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$/;

export const HOSTS = ['*.myshopify.com'] as const;

/** The shop's own host, or null where the settings name none that is Shopify's. */
export function shopOf({ shop_domain: shop }: EndpointSettings): string | null {
  return typeof shop === 'string' && SHOP.test(shop) ? shop : null;
}

export function isAccessToken(value: unknown): value is string {
  return typeof value === 'string' && /^shp(?:at|ca|pa|ua)_[A-Za-z0-9]{8,100}$/.test(value);
}

export type Answered =
  | { readonly kind: 'answer'; readonly path: string; readonly body: Buffer; readonly data: Json }
  | Extract<Fetched, { kind: 'refused' | 'later' }>;

/** `scope` is what the token needs for this. Errors come with status 200: shopify.dev/docs/api/usage/response-codes */
export async function graphql(
  query: string,
  variables: object,
  { settings, now, call }: ApiContext,
  scope: string,
): Promise<Answered> {
  const host = shopOf(settings);
  if (host === null) return { kind: 'refused', detail: 'set shop_domain to the shop’s myshopify.com name' };
  const answer = await call({
    method: 'POST',
    host,
    path: PATH,
    headers: {
      'x-shopify-access-token': String(settings.api_key),
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify({ query, variables }),
  });
  if (answer.status !== 200) return refusalOf(answer, now, `the scope ${scope}`);
  const body = parseExactJson(answer.body);
  const [error] = listAt(body, 'errors');
  if (error === undefined) return { kind: 'answer', path: PATH, body: answer.body, data: body };
  const code = textAt(error, 'extensions', 'code') ?? 'without a code';
  const status = STATUS[code];
  if (status !== undefined) return refusalOf({ ...answer, status }, now, `the scope ${scope}`);
  return { kind: 'refused', detail: `answered an error, which was not expected: ${code.slice(0, 60)}` };
}

/** What an error's code would have been as a status. */
const STATUS: Readonly<Record<string, number | undefined>> = {
  THROTTLED: 429,
  ACCESS_DENIED: 403,
  SHOP_INACTIVE: 403,
  INTERNAL_SERVER_ERROR: 500,
  TIMEOUT: 503,
};
