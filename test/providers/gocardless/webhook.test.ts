import { existsSync, readFileSync } from 'node:fs';
import { parseWithMeta } from 'gocardless-nodejs/webhooks';
import { describe, expect, it } from 'vitest';
import { gocardless } from '../../../src/providers/gocardless/index.ts';
import type { EndpointSettings, WebhookRequest } from '../../../src/providers/provider.ts';
import { createRandom } from '../../support/random.ts';
import { samplesFolder } from '../../support/samples-folder.ts';
import { batch, entry, NOW, samples } from './samples.ts';

const [SECRET] = samples.secrets;
const body = samples.money(1);
const signed = samples.sign(body, SECRET, NOW);
const verify = (request: WebhookRequest) => gocardless.verify(request, samples.context([SECRET], NOW));
const withSignature = (text: string): WebhookRequest => ({ ...signed, headers: [['webhook-signature', text]] });
const MAC = signed.headers.find(([name]) => name === 'webhook-signature')?.[1] ?? '';

describe('verify', () => {
  it('refuses a right signature with anything around it', () => {
    for (const text of [`${MAC}00`, `${MAC}zz`, ` ${MAC}`, `0x${MAC}`, `${MAC},${MAC}`, MAC.slice(0, 62)]) {
      expect(verify(withSignature(text)), text).toMatchObject({ kind: 'rejected', reason: 'signature_malformed' });
    }
    expect(verify(withSignature('0'.repeat(64)))).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('never takes what was not signed, and never throws', () => {
    const random = createRandom(20_261_122);
    for (let n = 0; n < 2_000; n += 1) {
      const junk = Buffer.from(Array.from({ length: random.below(80) }, () => random.below(256)));
      const headers: Array<[string, string]> = Array.from({ length: random.below(3) }, () => [
        'webhook-signature',
        random.pick([junk.toString('latin1'), junk.toString('hex'), MAC.slice(0, random.below(64)), '']),
      ]);
      const request = { ...signed, body: random.pick([junk, body]), headers };
      expect(verify(request).kind, `request ${n}`).toBe('rejected');
      expect(() => gocardless.identify(request, {})).not.toThrow();
    }
  });
});

describe('identify', () => {
  it('takes a batch apart', () => {
    const found = gocardless.identify(
      samples.sign(
        batch([
          entry('payments', 'confirmed', { payment: 'PM1', organisation: 'OR1' }, { id: 'EV1' }),
          entry('mandates', 'active', { mandate: 'MD1' }, { id: 'EV2', created_at: 'never' }),
        ]),
        SECRET,
        NOW,
      ),
      {},
    );
    expect(found).toMatchObject({
      kind: 'events',
      events: [
        {
          item: 0,
          id: 'EV1',
          idSigned: true,
          type: 'payments.confirmed',
          account: 'OR1',
          live: false,
          occurredAt: NOW,
        },
        { item: 1, id: 'EV2', type: 'mandates.active', account: null, occurredAt: null },
      ],
    });
  });

  it('reads the events the library reads, of batches of every size', () => {
    const random = createRandom(20_261_127);
    for (let n = 0; n < 100; n += 1) {
      const entries = Array.from({ length: random.below(251) }, (_, i) =>
        entry(random.pick(['payments', 'payouts', 'é']), 'x', {}, { id: `EV${i}-${random.below(9)}` }),
      );
      const request = samples.sign(batch(entries), SECRET, NOW);
      const mac = request.headers.find(([name]) => name === 'webhook-signature')?.[1] ?? '';
      const found = gocardless.identify(request, {});
      const ours = found.kind === 'events' ? found.events.map(({ id, type }) => [id, type]) : [];
      const { events } = parseWithMeta(request.body, SECRET, mac);
      expect(ours).toEqual(events.map(({ id, resource_type, action }) => [id, `${resource_type}.${action}`]));
    }
  });

  it('knows the environment by the origin only', () => {
    const live = (origin: string) => gocardless.identify({ ...signed, headers: [['origin', origin]] }, {});
    expect(live('https://api.gocardless.com')).toMatchObject({ events: [{ live: true }] });
    expect(live('https://api.gocardless.com.evil.example')).toMatchObject({ events: [{ live: null }] });
  });

  it('finds nothing in an empty batch, and refuses one that is far too long or holds an event without id', () => {
    const found = (made: Buffer) => gocardless.identify(samples.sign(made, SECRET, NOW), {});
    expect(found(batch([]))).toEqual({ kind: 'events', events: [] });
    expect(found(batch(Array.from({ length: 501 }, () => entry('a', 'b', {})))).kind).toBe('unreadable');
    expect(found(batch([entry('a', 'b', {}), {}])).kind).toBe('unreadable');
    expect(found(Buffer.from('{"events":{}}')).kind).toBe('unreadable');
  });

  it('compares what happened, not what is known of it by now', () => {
    const of = (change: object) => {
      const found = gocardless.identify(
        samples.sign(batch([entry('payments', 'failed', { payment: 'PM1' }, change)]), SECRET, NOW),
        {},
      );
      return found.kind === 'events' ? found.events[0]?.fingerprint() : undefined;
    };
    expect(of({ metadata: { a: '1' }, customer_notifications: [{ id: 'x' }] })).toEqual(of({}));
    expect(of({ action: 'confirmed' })).not.toEqual(of({}));
    expect(of({ details: { cause: 'other' } })).not.toEqual(of({}));
  });
});

describe('answers', () => {
  it('498 for a bad signature, 503 as long as there is no secret', () => {
    const answer = (reason: 'signature_mismatch' | 'signature_missing' | 'no_secret') =>
      gocardless.acknowledge({ kind: 'rejected', reason, detail: 'made' });
    expect(answer('signature_mismatch')).toMatchObject({ status: 498 });
    expect(JSON.parse(answer('signature_missing').body ?? '')).toMatchObject({
      title: 'Token Invalid',
      detail: 'made',
    });
    expect(answer('no_secret')).toEqual({ status: 503, headers: {}, body: null });
  });
});

describe('settings', () => {
  it('refuses a key that is none, or of the other mode', () => {
    for (const settings of [
      { api_key: 'two words here' },
      { api_key: 'line\r\nbreaks' },
      { api_key: 1 },
      { api_key: 'live_made_token', mode: 'test' },
      { api_key: 'sandbox_made_token', mode: 'live' },
      { tolerance_s: 300 },
    ] satisfies EndpointSettings[]) {
      expect(gocardless.checkSettings(settings), JSON.stringify(settings)).not.toEqual([]);
    }
    expect(gocardless.checkSettings({ api_key: 'live_made_token' })).toEqual([]);
  });
});

const file = samplesFolder('webhooks', '_robustness', 'cases.json');
it.skipIf(!existsSync(file))('folds an event that stands twice in one batch into one id', () => {
  type Case = {
    name: string;
    requests: Array<{ headers: Record<string, string>; body_base64: string }>;
    config: { secrets: string[] };
  };
  const cases = JSON.parse(readFileSync(file, 'utf8')) as Case[];
  const one = cases.find(({ name }) => name === 'gocardless-same-event-twice-in-a-batch');
  const [sent] = one?.requests ?? [];
  if (one === undefined || sent === undefined) throw new Error('the case is gone');
  const request = {
    method: 'POST',
    url: samples.sign(body, SECRET, NOW).url,
    headers: Object.entries(sent.headers),
    body: Buffer.from(sent.body_base64, 'base64'),
  };
  expect(gocardless.verify(request, samples.context(one.config.secrets, NOW))).toMatchObject({ kind: 'authentic' });
  const found = gocardless.identify(request, {});
  const events = found.kind === 'events' ? found.events : [];
  expect(new Set(events.map(({ id }) => id)).size).toBe(2);
  expect(events.map(({ id }) => id)).toHaveLength(3);
  expect(events[0]?.fingerprint()).toEqual(events[1]?.fingerprint());
});
