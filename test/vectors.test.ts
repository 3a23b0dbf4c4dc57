import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { providers } from '../src/providers/index.ts';
import { stripe } from '../src/providers/stripe/index.ts';
import { sign } from '../src/providers/stripe/sign.ts';
import { runVectors } from '../src/vectors.ts';
import { samplesFolder } from './support/samples-folder.ts';

const SECRET = 'whsec_made_for_this_test';
const NOW_S = 1_767_225_600;

function vector(name: string, change: Record<string, unknown> = {}): Record<string, unknown> {
  const body = Buffer.from(JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.succeeded' }));
  const url = 'https://gateway.example/webhooks/stripe';
  const headers = Object.fromEntries(sign({ body, url }, SECRET, NOW_S * 1000));
  const base = { provider: 'stripe', name, method: 'POST', url, headers, body_base64: body.toString('base64') };
  return { ...base, secrets: [SECRET], now: NOW_S, tolerance_s: 300, expect: 'valid', event_ids: ['evt_1'], ...change };
}

async function file(content: unknown): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'vectors-')), 'vectors.json');
  await writeFile(path, JSON.stringify(content));
  return path;
}

const only = new Map([['stripe', stripe]]);

describe('runVectors', () => {
  it('counts a verdict other than the expected one, an id that is not read, and a provider without an adapter', async () => {
    const path = await file([
      vector('right'),
      vector('late', { now: NOW_S + 301, expect: 'invalid' }),
      vector('said to be invalid', { expect: 'invalid' }),
      vector('said to be valid', { secrets: ['whsec_another_secret'] }),
      vector('another id', { event_ids: ['evt_2'] }),
      vector('said not to parse', { notes: 'expect_parse: error' }),
      vector('nobody knows it', { provider: 'nobody' }),
    ]);
    const run = await runVectors([path], only);
    expect(run).toMatchObject({ passed: 2, failed: 4, skipped: 1 });
    expect(run.cases.filter((one) => one.passed).map((one) => one.name)).toEqual(['right', 'late']);
  });

  it('refuses what is no vector file', async () => {
    for (const content of [{}, [{}], [vector('x', { now: 'soon' })], 'text']) {
      await expect(runVectors([await file(content)], only)).rejects.toMatchObject({ code: 'invalid_request' });
    }
    await expect(runVectors(['/nowhere/vectors.json'], only)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('the vector files of every provider', () => {
  for (const name of providers.keys()) {
    const path = samplesFolder('webhooks', name, 'vectors.json');
    it.skipIf(!existsSync(path))(`${name}: every verdict is the expected one`, async () => {
      const run = await runVectors([path], providers);
      expect(run.cases.filter((one) => !one.passed)).toEqual([]);
      expect(run.passed).toBeGreaterThan(0);
    });
  }
});
