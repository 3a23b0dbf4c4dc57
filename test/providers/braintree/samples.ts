import { readForm } from '../../../src/providers/braintree/form.ts';
import { braintree } from '../../../src/providers/braintree/index.ts';
import { sign, signForm, signPayload } from '../../../src/providers/braintree/sign.ts';
import type { ProviderSamples } from '../../support/provider-samples.ts';

export const URL = 'https://gateway.example/webhooks/braintree';
export const NOW = 1_767_225_600_000;
export const FIRST = 'madepublickey001:made0private0key0of0ours001';
export const SECOND = 'madepublickey002:made0private0key0of0ours002';

/** What `xml` makes elements of: text, null (`nil="true"`), lists (`type="array"`) and objects. */
export type Node = string | null | readonly Node[] | { readonly [name: string]: Node };

/** An element in Braintree's way of writing; `item` names the elements of lists. */
export function xml(name: string, node: Node, item = 'item'): string {
  if (node === null) return `<${name} nil="true"/>`;
  if (typeof node === 'string') return `<${name}>${escaped(node)}</${name}>`;
  if (isList(node)) return `<${name} type="array">${node.map((one) => xml(item, one)).join('')}</${name}>`;
  const items: Record<string, string> = { transactions: 'transaction', 'status-history': 'status-event' };
  const inner = Object.entries(node).map(([inside, value]) => xml(inside, value, items[inside]));
  return `<${name}>${inner.join('\n')}</${name}>`;
}

const isList = (node: Node): node is readonly Node[] => Array.isArray(node);
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** A notification of ours around one object in Braintree's layout, as XML. */
export function notificationXml(
  kind: string,
  about: string,
  object: Node,
  change: { [name: string]: Node } = {},
): string {
  const whole = { timestamp: '2026-01-01T00:00:00Z', kind, ...change, subject: { [about]: object } };
  return xml('notification', whole);
}

/** The same as the body of a request, signed with the first key pair. */
export function notification(kind: string, about: string, object: Node, change: { [name: string]: Node } = {}): Buffer {
  return signForm(Buffer.from(notificationXml(kind, about, object, change)), FIRST);
}

export function transaction(change: { [name: string]: Node } = {}): { [name: string]: Node } {
  return {
    id: 'madetx01',
    status: 'settled',
    type: 'sale',
    'currency-iso-code': 'EUR',
    amount: '12.34',
    'merchant-account-id': 'made_merchant_account',
    'order-id': 'order-1001',
    'created-at': '2025-12-30T10:00:00Z',
    'updated-at': '2025-12-31T20:00:00Z',
    'refunded-transaction-id': null,
    'status-history': [
      { timestamp: '2025-12-30T10:00:00Z', status: 'authorized' },
      { timestamp: '2025-12-30T11:00:00Z', status: 'submitted_for_settlement' },
      { timestamp: '2025-12-31T20:00:00Z', status: 'settled' },
    ],
    ...change,
  };
}

const money = (n: number, amount: string): { [name: string]: Node } => transaction({ id: `madetx${n}`, amount });

export const samples: ProviderSamples = {
  provider: braintree,
  settings: { merchant_id: 'made_merchant', api_key: FIRST },
  now: NOW,
  secrets: [FIRST, SECOND],
  sign(body, secret, now) {
    // Junk goes in as a signed payload: authentic, and not to be read.
    const payload = readForm(body)?.payload ?? null;
    const signed = payload === null ? signForm(body, secret) : signPayload(payload, secret);
    return { method: 'POST', url: URL, headers: sign({ body: signed, url: URL }, secret, now), body: signed };
  },
  context: (secrets, now) => ({
    secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
    settings: {},
    now,
    certificates: { get: () => undefined },
  }),
  money: (n) => notification('transaction_settled', 'transaction', money(n, `${n}0.50`)),
  retried(n) {
    const turned = Object.fromEntries(Object.entries(money(n, `${n}0.50`)).reverse());
    const text = notificationXml('transaction_settled', 'transaction', turned);
    return signForm(Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${text}\n`), FIRST);
  },
  altered: (n) => notification('transaction_settled', 'transaction', money(n, '9.99')),
  unknownType: () => notification('teleportation_done', 'teleportation', { id: 'x' }),
  staleAfterMs: null,
  idSigned: true,
  namesSecret: true,
};
