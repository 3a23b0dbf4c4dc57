import { describe, expect, it } from 'vitest';
import { paypal } from '../../src/providers/paypal/index.ts';
import { sign } from '../../src/providers/paypal/sign.ts';
import { createSimulatedAuthority } from '../../src/providers/paypal/simulated-authority.ts';
import type { EndpointSettings } from '../../src/providers/provider.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
const { rootPem, certificatePem, privateKeyPem } = createSimulatedAuthority(
  NOW,
  'messageverificationcerts.sandbox.paypal.com',
);
const simulated_authority = { root: rootPem, certificate: certificatePem };
const BASE = { webhook_id: 'SIMULATED0000000000', simulated_authority };

function verdict(settings: EndpointSettings): string {
  const body = Buffer.from('{"id":"WH-1"}');
  const url = 'https://gateway.example/webhooks/paypal/sim';
  const headers = sign({ body, url }, privateKeyPem, NOW, settings);
  const certificates = { get: () => undefined };
  return paypal.verify({ method: 'POST', url, headers, body }, { secrets: [], settings, now: NOW, certificates }).kind;
}

describe("an endpoint's simulated authority", () => {
  it('is believed by a test endpoint', () => {
    expect(paypal.checkSettings({ ...BASE, mode: 'test' })).toEqual([]);
    expect(verdict({ ...BASE, mode: 'test' })).toBe('authentic');
  });

  it.each([{ mode: 'live' } as const, {}])('is refused and not believed in %j', (mode) => {
    expect(paypal.checkSettings({ ...BASE, ...mode })).toEqual([
      { path: '/simulated_authority', message: 'only an endpoint whose mode is test may have one' },
    ]);
    expect(verdict({ ...BASE, ...mode })).not.toBe('authentic');
  });

  it.each([true, {}, { root: rootPem }, { root: rootPem, certificate: 1 }])('must be two texts: %j', (value) => {
    expect(paypal.checkSettings({ ...BASE, mode: 'test', simulated_authority: value })).toHaveLength(1);
  });

  it('is not believed where another root issued the certificate', () => {
    const other = createSimulatedAuthority(NOW, 'messageverificationcerts.sandbox.paypal.com');
    const settings = {
      ...BASE,
      mode: 'test' as const,
      simulated_authority: { root: other.rootPem, certificate: certificatePem },
    };
    expect(verdict(settings)).toBe('rejected');
  });
});
