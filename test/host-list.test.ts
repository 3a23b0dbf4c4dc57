import { expect, it } from 'vitest';
import { isListedHost } from '../src/host-list.ts';

it('takes exact names, and one label where the list says so, but never more, less or another', () => {
  const list = ['api.processor.example', '*.shops.example'];
  for (const host of ['api.processor.example', 'made.shops.example']) expect(isListedHost(host, list), host).toBe(true);
  for (const host of [
    '',
    'shops.example',
    '.shops.example',
    'a.b.shops.example',
    'xshops.example',
    'made.shops.example.attacker.example',
    'made.shops.example.',
    'made.api.processor.example',
    'processor.example',
    '*.processor.example',
  ])
    expect(isListedHost(host, list), host).toBe(false);
});
