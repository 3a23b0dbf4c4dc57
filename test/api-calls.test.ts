import { expect, it } from 'vitest';
import { createApiCalls, createApiEgress } from '../src/api-calls.ts';
import type { Egress, EgressCall } from '../src/egress.ts';
import { providers } from '../src/providers/index.ts';
import type { ApiCall, Provider } from '../src/providers/provider.ts';

const asked: EgressCall[] = [];
const egress: Egress = {
  async call(call) {
    asked.push(call);
    return { status: 200, headers: {}, body: Buffer.alloc(0) };
  },
  download: async () => Promise.reject(new Error('no file is asked for here')),
  fetchBytes: async () => Buffer.alloc(0),
  fetchText: async () => '',
  close: () => undefined,
};
const of = (name: string): Provider => {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`no ${name}`);
  return provider;
};
const to = (host: string, path = '/v1/events'): ApiCall => ({ method: 'GET', host, path, headers: { a: 'b' } });

it('lets each adapter reach its own hosts, and no other’s', async () => {
  const call = createApiCalls(egress);
  await call(of('stripe'), to('api.stripe.com'));
  expect(asked).toEqual([{ method: 'GET', url: 'https://api.stripe.com/v1/events', headers: { a: 'b' } }]);
  for (const [name, host] of [
    ['stripe', 'connect.squareup.com'],
    ['stripe', 'api.stripe.com.evil.example'],
    ['stripe', 'API.stripe.com'],
    ['adyen', 'api.stripe.com'],
  ] as const)
    await expect(call(of(name), to(host)), host).rejects.toMatchObject({ code: 'egress_refused' });
  for (const path of ['', 'v1/events', '@evil.example/', '.evil.example/'])
    await expect(call(of('stripe'), to('api.stripe.com', path)), path).rejects.toMatchObject({
      code: 'egress_refused',
    });
  expect(asked).toHaveLength(1);
});

it('is refused on the way out where a path would lead elsewhere', async () => {
  const { call, close } = createApiEgress(providers.values(), null);
  for (const path of ['/v1/../../x', '/a b', '/a\\b', '/\u0000', '/v1/é'])
    await expect(call(of('stripe'), to('api.stripe.com', path)), path).rejects.toMatchObject({
      code: 'egress_refused',
    });
  close();
});
