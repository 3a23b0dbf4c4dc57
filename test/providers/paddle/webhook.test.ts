import { describe, expect, it } from 'vitest';
import { paddle } from '../../../src/providers/paddle/index.ts';
import type { EndpointSettings, Verdict, WebhookRequest } from '../../../src/providers/provider.ts';
import { expectNoForgery } from '../../support/forged-requests.ts';
import { NOW, paddleEvent, paddleTransaction, samples } from './samples.ts';

const [KEY, OTHER] = samples.secrets;
const body = paddleEvent('transaction.completed', paddleTransaction());
const signed = samples.sign(body, KEY, NOW);
const header = (request: WebhookRequest): string =>
  request.headers.find(([name]) => name === 'paddle-signature')?.[1] ?? '';
const [TS = '', H1 = ''] = header(signed).split(';');
const [, H1_OTHER = ''] = header(samples.sign(body, OTHER, NOW)).split(';');

function verify(value: string, settings: EndpointSettings = {}, secrets: readonly string[] = [KEY]): Verdict {
  return paddle.verify(
    { ...signed, headers: [['paddle-signature', value]] },
    { ...samples.context(secrets, NOW), settings },
  );
}

describe('verify', () => {
  it('takes any h1 of several, wherever it stands, and names the secret that fits', () => {
    for (const value of [
      `${TS};${H1};${H1_OTHER}`,
      `${TS};${H1_OTHER};${H1}`,
      `${TS};h1=x;${H1}`,
      `${TS};${H1};h2=RANDOM`,
      `${H1};${TS}`,
    ]) {
      expect(verify(value), value).toMatchObject({ kind: 'authentic', secretId: 's0' });
    }
    expect(verify(`${TS};${H1_OTHER}`, {}, [KEY, OTHER])).toMatchObject({ kind: 'authentic', secretId: 's1' });
  });

  it('refuses what was not written by Paddle', () => {
    for (const value of [
      TS,
      H1,
      `${TS};${TS};${H1}`,
      `ts=1767225600.0;${H1}`,
      `ts=01767225600;${H1}`,
      `ts=;${H1}`,
      `${TS}; ${H1}`,
      `${TS},${H1}`,
      `${TS};${H1.toUpperCase()}`,
      `${TS};${H1}00`,
      `${TS};h1=`,
      `${TS};h1`,
      `${TS};${'h1=x;'.repeat(2_000)}${H1}`,
    ]) {
      expect(verify(value), value.slice(0, 80)).toMatchObject({ kind: 'rejected', reason: 'signature_malformed' });
    }
    expect(verify(`ts=1767225601;${H1}`)).toMatchObject({ reason: 'signature_mismatch' });
    expect(verify(`${TS};${H1.replace('h1', 'h2')};${H1_OTHER}`)).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('looks at the time only behind a signature that fits, and as widely as the endpoint says', () => {
    const late = samples.sign(body, KEY, NOW - 60_000);
    expect(verify(header(late))).toMatchObject({ reason: 'stale' });
    expect(verify(header(late), { tolerance_s: 60 }).kind).toBe('authentic');
    expect(verify(header(late), {}, [OTHER])).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('takes nothing for a body or header that nobody signed', () => expectNoForgery(samples));
});

describe('identify', () => {
  it('takes the event, not one destination’s notification of it', () => {
    const one = paddle.identify(signed, {});
    expect(one).toMatchObject({
      events: [{ id: 'evt_made0001', type: 'transaction.completed', live: null, account: null, occurredAt: NOW + 123 }],
    });
    const nameless = { ...signed, body: Buffer.from('{"notification_id":"ntf_1","data":{"id":"txn_1"}}') };
    expect(paddle.identify(nameless, {}).kind).toBe('unreadable');
  });

  it('knows the simulator’s events for test ones', () => {
    const simulated = paddleEvent('transaction.completed', paddleTransaction(), { event_id: 'ntfsimevt_made1' });
    expect(paddle.identify({ ...signed, body: simulated }, {})).toMatchObject({ events: [{ live: false }] });
  });
});

it('refuses secrets of another kind', () => {
  for (const secret of ['', 'VALID_SECRET', 'pdl_live_apikey_0123456789', 'pdl_ntfset_', 'pdl_ntfset_a b c d e f g h'])
    expect(paddle.checkSecret(secret), secret).not.toBeNull();
});
