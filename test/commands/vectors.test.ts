import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register as registerExplain } from '../../src/commands/explain.ts';
import { register as registerVectors } from '../../src/commands/vectors.ts';
import { readConfig } from '../../src/config.ts';
import { sign } from '../../src/providers/stripe/sign.ts';

const NOW_S = 1_768_478_400;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-vectors-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Vector = Record<string, unknown> & { expect: 'valid' | 'invalid' };

function vector(expected: 'valid' | 'invalid', change: Partial<Vector> = {}): Vector {
  const body = Buffer.from('{"id":"evt_1","object":"event","type":"charge.succeeded"}');
  const url = 'https://gateway.example/webhooks/stripe';
  return {
    provider: 'stripe',
    name: `a-${expected}-one`,
    method: 'POST',
    url,
    headers: Object.fromEntries(sign({ body, url }, 'whsec_a', NOW_S * 1000)),
    body_base64: body.toString('base64'),
    secrets: ['whsec_a'],
    now: NOW_S,
    expect: expected,
    ...change,
  };
}

async function run(
  register: typeof registerVectors,
  args: string[],
  json = true,
): Promise<{ out: string; failed: boolean }> {
  let out = '';
  let failed = false;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  register(program, {
    withDatabase: () => Promise.reject(new Error('there is no database here')),
    config: () => readConfig({}),
    stream: async () => undefined,
    input: async () => '',
    onSignal: () => () => undefined,
    stopWithinMs: 1_000,
    out: (text) => {
      out += `${text}\n`;
    },
    fail: () => {
      failed = true;
    },
    json,
    actor: 'test',
    clock: { now: () => NOW_S * 1000 },
  });
  await program.parseAsync(args, { from: 'user' });
  return { out, failed };
}

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

describe('vectors', () => {
  it('is done when every verdict is the expected one', async () => {
    const path = await file('good.json', [vector('valid'), vector('invalid', { secrets: ['whsec_b'] })]);
    const { out, failed } = await run(registerVectors, ['vectors', path]);
    expect(failed).toBe(false);
    expect(JSON.parse(out)).toMatchObject({ passed: 2, failed: 0, cases: [{ got: 'valid' }, { got: 'invalid' }] });
  });

  it('fails when one verdict is another, and says which', async () => {
    const path = await file('bad.json', [vector('valid'), vector('invalid', { name: 'wrong' })]);
    const { out, failed } = await run(registerVectors, ['vectors', path], false);
    expect(failed).toBe(true);
    expect(out).toContain('FAIL  stripe  wrong: expected invalid, got valid');
    expect(out).toContain('1 passed, 1 failed');
  });

  it.each([
    ['no JSON', '{'],
    ['no list', { vectors: [] }],
    ['no vectors', [{ name: 'x' }]],
  ])('refuses a file that is %s', async (_, content) => {
    const path = await file('junk.json', content);
    await expect(run(registerVectors, ['vectors', path])).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('wants a file', async () => {
    await expect(run(registerVectors, ['vectors'])).rejects.toMatchObject({ code: 'commander.missingArgument' });
  });
});

describe('explain, as a command', () => {
  it('reads no database and prints what would become of an event', async () => {
    const path = await file('event.json', {
      id: 'evt_1',
      object: 'event',
      type: 'customer.created',
      data: { object: { id: 'cus_1', object: 'customer' } },
    });
    const { out } = await run(registerExplain, ['explain', path, '--provider', 'stripe']);
    expect(JSON.parse(out).events).toMatchObject([{ event_id: 'evt_1', canonical: [] }]);
  });

  it('needs the headers where the id is one of them', async () => {
    const path = await file('message.json', { type: 'x' });
    const without = await run(registerExplain, ['explain', path, '--provider', 'standard-webhooks']);
    expect(JSON.parse(without.out).events[0]).toMatchObject({ status: 'dead' });
    const given = await run(registerExplain, [
      'explain',
      path,
      '--provider',
      'standard-webhooks',
      '--header',
      'webhook-id: msg_1',
      '--header',
      'webhook-timestamp: 1768478400',
      '--header',
      'webhook-signature: v1,AAAA',
    ]);
    expect(JSON.parse(given.out).events[0]).toMatchObject({ event_id: 'msg_1', status: 'deferred' });
  });

  it('refuses a provider there is none of, and a file that is not there', async () => {
    await expect(run(registerExplain, ['explain', 'x', '--provider', 'acme'])).rejects.toMatchObject({
      code: 'invalid_request',
    });
    await expect(run(registerExplain, ['explain', join(folder, 'none'), '--provider', 'stripe'])).rejects.toMatchObject(
      {
        code: 'invalid_request',
      },
    );
  });
});
