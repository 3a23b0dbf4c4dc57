import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { StoredCertificate } from '../src/certificate-store.ts';
import { createCertificates } from '../src/certificates.ts';
import { PosternError } from '../src/errors.ts';
import { createSimulatedAuthority } from '../src/providers/paypal/simulated-authority.ts';

const NOW = 1_767_225_600_000;
const DAY = 86_400_000;
const URL = 'https://certs.processor.example/CERT-1';
const authority = createSimulatedAuthority(NOW, 'made.example', 100);
const next = createSimulatedAuthority(NOW, 'made.example', 500);

function setUp(stored: readonly StoredCertificate[] = []) {
  const clock = { ms: NOW, now: () => clock.ms };
  const answers = new Map<string, string | Buffer | Error>();
  const asked: string[] = [];
  const saved: StoredCertificate[] = [];
  const broken = { save: false };
  let running = 0;
  let atOnce = 0;
  const certificates = createCertificates({
    clock,
    log: { warn: () => undefined },
    egress: {
      async fetchBytes(url) {
        asked.push(url);
        running += 1;
        atOnce = Math.max(atOnce, running);
        await null;
        running -= 1;
        const answer = answers.get(url) ?? new PosternError('egress_failed', 'nothing there');
        if (answer instanceof Error) throw answer;
        return Buffer.from(answer);
      },
    },
    store: {
      load: async () => [...stored],
      async save(certificate) {
        if (broken.save) throw new Error('the database is away');
        saved.push(certificate);
      },
    },
  });
  return { certificates, clock, answers, asked, saved, broken, atOnce: () => atOnce };
}

describe('request', () => {
  it('fetches beside the caller, once, and keeps what came', async () => {
    const { certificates, answers, asked, saved } = setUp();
    answers.set(URL, authority.certificatePem);
    certificates.request(1, URL);
    certificates.request(1, URL);
    expect(asked).toEqual([]);
    expect(certificates.get(URL)).toBeUndefined();
    await certificates.idle();
    certificates.request(1, URL);
    await certificates.idle();
    expect(asked).toEqual([URL]);
    expect(certificates.get(URL)).toBe(authority.certificatePem);
    expect(saved).toMatchObject([{ url: URL, fetchedAt: NOW, expiresAt: NOW + 100 * DAY }]);
  });

  it('takes chains and DER, and keeps nothing around the certificates', async () => {
    const { certificates, answers } = setUp();
    answers.set(`${URL}a`, `made by hand\n${authority.certificatePem}\n${authority.rootPem} and more`);
    answers.set(`${URL}b`, new X509Certificate(authority.rootPem).raw);
    for (const url of [`${URL}a`, `${URL}b`]) certificates.request(1, url);
    await certificates.idle();
    expect(certificates.get(`${URL}a`)).toBe(authority.certificatePem + authority.rootPem);
    expect(certificates.get(`${URL}b`)).toBe(authority.rootPem);
  });

  it('asks one at a time, and six times a minute for an endpoint', async () => {
    const { certificates, clock, asked, atOnce } = setUp();
    for (let n = 0; n < 20; n += 1) certificates.request(1, `${URL}${n}`);
    certificates.request(2, `${URL}other`);
    await certificates.idle();
    expect(asked).toHaveLength(7);
    expect(atOnce()).toBe(1);
    clock.ms += 60_000;
    certificates.request(1, `${URL}19`);
    await certificates.idle();
    expect(asked).toHaveLength(8);
  });

  it('remembers for ten minutes what is none, and for half a minute what did not answer', async () => {
    const { certificates, clock, answers, asked } = setUp();
    const ask = async (url: string) => {
      asked.length = 0;
      certificates.request(1, url);
      await certificates.idle();
      return asked.length;
    };
    for (const junk of [
      '',
      'junk',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      Buffer.from([0x30, 0x82, 1]),
    ]) {
      answers.set(URL, junk);
      expect(await ask(URL)).toBe(1);
      clock.ms += 9 * 60_000;
      expect(await ask(URL)).toBe(0);
      expect(certificates.get(URL)).toBeUndefined();
      clock.ms += 61_000;
    }
    expect(await ask(`${URL}gone`)).toBe(1);
    expect(await ask(`${URL}gone`)).toBe(0);
    clock.ms += 31_000;
    answers.set(`${URL}gone`, authority.certificatePem);
    expect(await ask(`${URL}gone`)).toBe(1);
    expect(certificates.get(`${URL}gone`)).toBeDefined();
  });

  it('uses a certificate the database did not take', async () => {
    const { certificates, answers, broken, asked } = setUp();
    broken.save = true;
    answers.set(URL, authority.certificatePem);
    certificates.request(1, URL);
    await certificates.idle();
    expect(certificates.get(URL)).toBe(authority.certificatePem);
    expect(asked).toHaveLength(1);
  });
});

describe('what the database holds', () => {
  const stored: StoredCertificate = {
    url: URL,
    pem: authority.certificatePem,
    fetchedAt: NOW,
    expiresAt: NOW + 100 * DAY,
  };

  it('is there without asking anybody', async () => {
    const { certificates, asked } = setUp([stored]);
    await certificates.load();
    expect(certificates.get(URL)).toBe(authority.certificatePem);
    await certificates.renewDue();
    expect(asked).toEqual([]);
  });

  it('is fetched again after a day, and stays when that fails', async () => {
    const { certificates, clock, answers, asked } = setUp([stored]);
    await certificates.load();
    clock.ms += DAY + 1;
    await certificates.renewDue();
    expect(asked).toEqual([URL]);
    expect(certificates.get(URL)).toBe(authority.certificatePem);
    answers.set(URL, next.certificatePem);
    await certificates.renewDue();
    expect(certificates.get(URL)).toBe(next.certificatePem);
  });

  it('is as good as none once it expired', async () => {
    const { certificates, clock, answers, asked } = setUp([stored]);
    await certificates.load();
    clock.ms += 100 * DAY;
    expect(certificates.get(URL)).toBeUndefined();
    answers.set(URL, authority.certificatePem);
    certificates.request(1, URL);
    await certificates.idle();
    expect(certificates.get(URL)).toBeUndefined();
    clock.ms += 11 * 60_000;
    answers.set(URL, next.certificatePem);
    certificates.request(1, URL);
    await certificates.idle();
    expect(certificates.get(URL)).toBe(next.certificatePem);
    expect(asked).toHaveLength(2);
  });
});
