import { type Json, listAt, textAt } from '../../exact-json.ts';
import type { Money } from '../../money.ts';
import { isoTime } from '../iso-time.ts';
import { paypalMoney } from './currency.ts';

/*
 * Version 2 writes amounts as {"currency_code":"USD","value":"10.00"}, version 1 as {"currency":"USD","total":"10.00"},
 * and its fees as {"currency":"USD","value":"0.88"}. Links tell what belongs to what: {"rel":"up","href":"…/captures/ID"}.
 */

/** The money under `path`, undefined where it is not there; v1 writes what goes back with a minus: the magnitude counts. */
export function moneyAt(resource: Json | undefined, ...path: readonly (string | number)[]): Money | undefined {
  const currency = textAt(resource, ...path, 'currency_code') ?? textAt(resource, ...path, 'currency');
  const value = textAt(resource, ...path, 'value') ?? textAt(resource, ...path, 'total');
  if (currency === undefined || value === undefined) return undefined;
  return paypalMoney(value.replace(/^-(?=\d)/, ''), currency);
}

/** When the object last became what the event says; its creation where it tells no more. Unix ms. */
export function timeOf(resource: Json | undefined, fallback: number): number {
  return isoTime(textAt(resource, 'update_time')) ?? isoTime(textAt(resource, 'create_time')) ?? fallback;
}

const COLLECTIONS = { authorization: 'authorizations?', capture: 'captures?', sale: 'sales?' } as const;

/** The id of the authorisation, capture or sale that the resource belongs to, by its own fields or its links. */
export function relatedId(resource: Json | undefined, kind: keyof typeof COLLECTIONS): string | undefined {
  const own = textAt(resource, `${kind}_id`) ?? textAt(resource, 'supplementary_data', 'related_ids', `${kind}_id`);
  if (own !== undefined) return own;
  const shape = new RegExp(`^https://[a-z.-]+/v[12]/payments/${COLLECTIONS[kind]}/([A-Z0-9]{5,40})$`);
  for (const link of listAt(resource, 'links').slice(0, 20)) {
    if (textAt(link, 'rel') === 'self') continue;
    const id = shape.exec(textAt(link, 'href') ?? '')?.[1];
    if (id !== undefined) return id;
  }
  return undefined;
}
