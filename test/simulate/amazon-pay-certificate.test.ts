import { describe, expect, it } from 'vitest';
import { amazonPay } from '../../src/providers/amazon-pay/index.ts';
import { SIMULATED_CERTIFICATE_URL } from '../../src/providers/amazon-pay/simulated-settings.ts';
import type { CertificateLookup, EndpointSettings, Verdict } from '../../src/providers/provider.ts';
import { amazonPay as simulator } from '../../src/simulate/amazon-pay.ts';
import { createRandom } from '../../src/simulate/random.ts';
import { simulatedEndpoint } from '../../src/simulate/simulator.ts';
import { wholeLives } from '../../src/simulate/traffic.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
const WHERE = { url: 'https://gateway.example/webhooks/amazon-pay/sim', account: 'sim' };
const { target } = simulatedEndpoint(simulator, WHERE, { random: createRandom('a'), now: NOW });
const [life] = wholeLives('amazon-pay', { seed: 1, count: 1, startedAt: NOW, account: 'sim' });
const { body, headers } = simulator.sign(Buffer.from(life?.requests[0]?.body ?? ''), target, NOW);

function verdict(settings: EndpointSettings, certificates: CertificateLookup = { get: () => undefined }): Verdict {
  const request = { method: 'POST', url: WHERE.url, headers, body };
  return amazonPay.verify(request, { secrets: [], settings, now: NOW, certificates });
}

describe("an endpoint's simulated certificate", () => {
  it('is believed by a test endpoint', () => {
    expect(amazonPay.checkSettings(target.settings)).toEqual([]);
    expect(verdict(target.settings).kind).toBe('authentic');
  });

  it.each([{ mode: 'live' } as const, { mode: undefined }])('is refused and not believed in %j', ({ mode }) => {
    const { mode: _test, ...others } = target.settings;
    const settings = mode === undefined ? others : { ...others, mode };
    expect(amazonPay.checkSettings(settings)).toEqual([
      { path: '/simulated_certificate', message: 'only an endpoint whose mode is test may have one' },
    ]);
    // It is asked for where Amazon's certificates are, and is not there.
    expect(verdict(settings)).toEqual({ kind: 'needs', url: SIMULATED_CERTIFICATE_URL });
  });

  it('is not believed where it is another', () => {
    const other = simulatedEndpoint(simulator, WHERE, { random: createRandom('b'), now: NOW });
    expect(verdict(other.target.settings).kind).toBe('rejected');
  });

  it('is the only one its endpoint believes', () => {
    const { simulated_certificate: certificate, ...others } = target.settings;
    const genuine = { get: () => String(certificate) };
    expect(verdict(others, genuine).kind).toBe('authentic');
    expect(verdict({ ...others, simulated_certificate: 'none' }, genuine).kind).toBe('rejected');
  });

  it.each([true, {}, 'x'.repeat(9_000)])('must be a text of some length: %j', (value) => {
    expect(amazonPay.checkSettings({ ...target.settings, simulated_certificate: value })).toHaveLength(1);
  });
});
