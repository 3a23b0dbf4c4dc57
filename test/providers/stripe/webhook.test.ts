import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../../src/providers/provider.ts';
import { hmacSha256 } from '../../../src/providers/signature.ts';
import { verify } from '../../../src/providers/stripe/webhook.ts';

const SECRET = 'whsec_made_for_this_test';
const T = 1_767_225_600;
const BODY = Buffer.from('{"id":"evt_1","object":"event"}');

const mac = (secret = SECRET, t: string | number = T, body = BODY): string =>
  hmacSha256(secret, `${t}.`, body).toString('hex');

function check(
  headers: readonly string[],
  options: { secrets?: readonly string[]; nowS?: number; toleranceS?: number; body?: Buffer } = {},
): Verdict {
  const { secrets = [SECRET], nowS = T, toleranceS, body = BODY } = options;
  return verify(
    {
      method: 'POST',
      url: 'https://x.example/',
      headers: headers.map((value) => ['stripe-signature', value] as const),
      body,
    },
    {
      secrets: secrets.map((secret, i) => ({ id: `s${i}`, secret })),
      settings: toleranceS === undefined ? {} : { tolerance_s: toleranceS },
      now: nowS * 1000,
      certificates: { get: () => undefined },
    },
  );
}

describe('verify (Stripe)', () => {
  it('takes one of several v1 in any order, and ignores v0 and what it cannot read', () => {
    const good = mac();
    const garbage = '0'.repeat(64);
    for (const header of [
      `t=${T},v1=${good}`,
      `v1=${good},t=${T}`,
      `t=${T},v1=${garbage},v1=${good}`,
      `t=${T},v1=${good},v1=potato,v0=${garbage}`,
      `t=${T},v0=${good},v1=${good},v2=x`,
    ]) {
      expect(check([header]), header).toMatchObject({ kind: 'authentic', level: 'body', secretId: 's0' });
    }
  });

  it('refuses a header that is no list, and says so', () => {
    const good = mac();
    for (const header of [
      '',
      ',',
      'potato',
      `${good}`,
      `t=${T}`,
      `v1=${good}`,
      `t=${T},v1`,
      `t=${T},v1=${good},`,
      `t=,v1=${good}`,
      `t=${T},v1=,v1=${good}`,
      `t=soon,v1=${good}`,
      `t=-1,v1=${good}`,
      `t=0${T},v1=${good}`,
      `t=${T}.0,v1=${good}`,
      `t=${T} ,v1=${good}`,
      `t=${T},t=${T},v1=${good}`,
      `t=${T - 1},v1=${good},t=${T},v1=${good}`,
      `t=${T}, v1=${good}`,
      `t=${T},v1=${good}, t=${T}`,
      `t=${T},v1=${good}${good}`,
      `t=${T},v1=${good}00`,
      `t=${T},v1=${good.slice(0, 62)}`,
      `t=${T},v1=ab`,
      `t=${T},v1=${good.toUpperCase()}`,
      `t=${T},v1=${good.replace(/^./, '\u0130')}`,
      `t=${T},v0=${good}`,
      `t=${T},v1=${good},${'v1=x,'.repeat(2000)}`,
    ]) {
      expect(check([header]), header.slice(0, 120)).toMatchObject({ kind: 'rejected', reason: 'signature_malformed' });
    }
  });

  it('refuses two header lines, even when each is right', () => {
    const header = `t=${T},v1=${mac()}`;
    expect(check([header, header])).toMatchObject({ kind: 'rejected', reason: 'signature_malformed' });
    expect(check([])).toMatchObject({ kind: 'rejected', reason: 'signature_missing' });
  });

  it('allows 300 seconds either way, or what the endpoint allows, both ends included', () => {
    const header = `t=${T},v1=${mac()}`;
    for (const age of [0, 300, -300]) expect(check([header], { nowS: T + age }).kind).toBe('authentic');
    for (const age of [301, -301, 1e9]) expect(check([header], { nowS: T + age })).toMatchObject({ reason: 'stale' });
    expect(check([header], { nowS: T + 60, toleranceS: 60 }).kind).toBe('authentic');
    expect(check([header], { nowS: T + 61, toleranceS: 60 })).toMatchObject({ reason: 'stale' });
  });

  it('calls a forged old request a mismatch, not stale: only a signed time says anything', () => {
    expect(check([`t=${T - 9999},v1=${mac()}`])).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('never takes an empty secret, which anybody could sign with', () => {
    const header = `t=${T},v1=${mac('')}`;
    expect(check([header], { secrets: [''] })).toMatchObject({ reason: 'no_secret' });
    expect(check([header], { secrets: ['', SECRET] })).toMatchObject({ reason: 'signature_mismatch' });
  });

  it('names the secret that matched', () => {
    expect(check([`t=${T},v1=${mac('whsec_new')}`], { secrets: [SECRET, 'whsec_new'] })).toMatchObject({
      secretId: 's1',
    });
  });

  it('signs the bytes: a byte-order mark and invalid UTF-8 are part of them', () => {
    for (const body of [Buffer.from('\ufeff{"id":"evt_1"}'), Buffer.from([0x7b, 0xff, 0xfe, 0x7d])]) {
      expect(check([`t=${T},v1=${mac(SECRET, T, body)}`], { body }).kind).toBe('authentic');
      expect(
        check([`t=${T},v1=${mac(SECRET, T, Buffer.from(body.toString('utf8').replace('\ufeff', '')))}`], { body }).kind,
      ).toBe('rejected');
    }
  });
});
