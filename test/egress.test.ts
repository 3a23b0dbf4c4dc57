import { createServer, type Server, Socket } from 'node:net';
import nock from 'nock';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Address, createEgress } from '../src/egress.ts';

const HOST = 'certs.processor.example';
const PUBLIC: Address = { address: '93.184.216.34', family: 4 };

function egress(change: Partial<Parameters<typeof createEgress>[0]> = {}) {
  return createEgress({ allowHosts: [HOST], resolve: async () => [PUBLIC], timeoutMs: 2_000, ...change });
}

afterEach(() => {
  nock.cleanAll();
  nock.restore();
});

describe('what is never asked', () => {
  let server: Server;
  let connections = 0;
  let port = 0;

  beforeEach(async () => {
    connections = 0;
    server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    return () => new Promise<void>((closed) => server.close(() => closed()));
  });

  it('URLs that are not https, not on the list, or not written plainly', async () => {
    const connect = vi.spyOn(Socket.prototype, 'connect');
    const resolve = vi.fn(async () => [{ address: '127.0.0.1', family: 4 } as Address]);
    const out = egress({ resolve });
    const urls = [
      `http://${HOST}/x`,
      `https://${HOST}:443/x`,
      `https://${HOST}:${port}/x`,
      `https://user@${HOST}/x`,
      `https://user:pass@${HOST}/x`,
      `https://${HOST}.attacker.example/x`,
      `https://attacker.example/${HOST}`,
      `https://attacker.example#@${HOST}/x`,
      `https://attacker.example\\@${HOST}/x`,
      `https:\\\\${HOST}/x`,
      `https://${HOST.toUpperCase()}/x`,
      `https://${HOST}./x`,
      `https://${HOST}/../x`,
      `https://${HOST}/%2e%2e/x`,
      `https://${HOST}/x y`,
      `https://${HOST}/x\n`,
      `https://${HOST}`,
      ` https://${HOST}/x`,
      `https://127.0.0.1:${port}/x`,
      'https://127.0.0.1/x',
      'https://2130706433/x',
      'https://0x7f.1/x',
      'https://[::1]/x',
      'https://localhost/x',
      'https://169.254.169.254/latest/meta-data/',
      'file:///etc/passwd',
      'data:text/plain,x',
      `//${HOST}/x`,
      '',
      `https://${HOST}/${'x'.repeat(3_000)}`,
    ];
    for (const url of urls) {
      await expect(out.fetchText(url), url).rejects.toMatchObject({ code: 'egress_refused', retryable: false });
    }
    expect(resolve).not.toHaveBeenCalled();
    expect(connect).not.toHaveBeenCalled();
    expect(connections).toBe(0);
  });

  it('hosts of which any address is none on the public internet', async () => {
    const connect = vi.spyOn(Socket.prototype, 'connect');
    for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', 'fd00::1']) {
      const inside: Address = { address, family: address.includes(':') ? 6 : 4 };
      for (const resolved of [[inside], [PUBLIC, inside]]) {
        const out = egress({ resolve: async () => resolved });
        await expect(out.fetchText(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_refused' });
      }
    }
    const anywhere = egress({ allowHosts: null, resolve: async () => [{ address: '127.0.0.1', family: 4 }] });
    await expect(anywhere.fetchText('https://public.example/x')).rejects.toMatchObject({ code: 'egress_refused' });
    await expect(anywhere.fetchText('http://public.example/x')).rejects.toMatchObject({ code: 'egress_refused' });
    expect(connect).not.toHaveBeenCalled();
    expect(connections).toBe(0);
  });
});

it('connects to the address that was checked: the name is resolved once', async () => {
  const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function refuse(this: Socket) {
    setImmediate(() => this.destroy(new Error('no network in tests')));
    return this;
  });
  const answers: Address[] = [PUBLIC, { address: '127.0.0.1', family: 4 }];
  const resolve = vi.fn(async () => answers.splice(0, 1));
  await expect(egress({ resolve }).fetchText(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_failed' });
  expect(resolve).toHaveBeenCalledTimes(1);
  const [options] = connect.mock.calls[0] ?? [];
  // The lookup the connection uses knows one answer only.
  const { lookup } = (Array.isArray(options) ? options[0] : options) as unknown as {
    lookup: (host: string, options: object, done: (error: null, address: string, family: number) => void) => void;
  };
  const pinned = await new Promise((done) => lookup(HOST, {}, (_error, address) => done(address)));
  expect(pinned).toBe(PUBLIC.address);
});

describe('what is asked', () => {
  beforeEach(() => {
    if (!nock.isActive()) nock.activate();
    nock.disableNetConnect();
  });

  it('gives the body', async () => {
    nock(`https://${HOST}`).get('/x').reply(200, 'certificate');
    await expect(egress().fetchText(`https://${HOST}/x`)).resolves.toBe('certificate');
  });

  it('follows no redirect and takes no other status for an answer', async () => {
    const elsewhere = nock('https://elsewhere.example').get('/').reply(200, 'x');
    for (const status of [301, 302, 307, 204, 206, 404, 500]) {
      nock(`https://${HOST}`).get('/x').reply(status, 'x', { location: 'https://elsewhere.example/' });
      await expect(egress().fetchText(`https://${HOST}/x`), String(status)).rejects.toMatchObject({
        code: 'egress_failed',
        retryable: true,
      });
    }
    expect(elsewhere.isDone()).toBe(false);
  });

  it('takes no more than its limit', async () => {
    nock(`https://${HOST}`).get('/x').times(2).reply(200, 'x'.repeat(101));
    await expect(egress({ maxBytes: 100 }).fetchText(`https://${HOST}/x`)).rejects.toMatchObject({
      code: 'egress_failed',
    });
    await expect(egress({ maxBytes: 101 }).fetchText(`https://${HOST}/x`)).resolves.toHaveLength(101);
  });

  it('waits no longer than its deadline, for the name either', async () => {
    nock(`https://${HOST}`).get('/x').delay(5_000).reply(200, 'x');
    await expect(egress({ timeoutMs: 50 }).fetchText(`https://${HOST}/x`)).rejects.toMatchObject({
      code: 'egress_failed',
    });
    const never = egress({ timeoutMs: 50, resolve: () => new Promise(() => undefined) });
    await expect(never.fetchText(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_failed' });
    nock.abortPendingRequests();
  });

  it('tells a name that does not resolve as a failure', async () => {
    for (const resolve of [async () => [], async () => Promise.reject(new Error('ENOTFOUND'))]) {
      await expect(egress({ resolve }).fetchText(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_failed' });
    }
  });
});

it('cuts what is under way when it is closed, and begins nothing more', async () => {
  let asked: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const out = egress({
    timeoutMs: 60_000,
    resolve: () => {
      asked();
      return new Promise(() => undefined);
    },
  });
  const underWay = expect(out.fetchBytes(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_failed' });
  await begun;
  out.close();
  await underWay;
  await expect(out.fetchBytes(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_failed' });
});

describe('downloads', () => {
  const limits = { maxBytes: 1_000, timeoutMs: 2_000, idleMs: 200 };
  const get = { method: 'GET', url: `https://${HOST}/file`, headers: {} } as const;
  const read = async (body: AsyncIterable<Buffer>): Promise<number> => {
    let size = 0;
    for await (const chunk of body) size += chunk.length;
    return size;
  };
  beforeEach(() => {
    if (!nock.isActive()) nock.activate();
  });

  it('hand on the body as it comes, of any answer', async () => {
    nock(`https://${HOST}`).get('/file').reply(200, 'x'.repeat(1_000), { 'x-made': '1' });
    const whole = await egress().download(get, limits);
    expect(whole).toMatchObject({ status: 200, headers: { 'x-made': '1' } });
    expect(await read(whole.body)).toBe(1_000);
    nock(`https://${HOST}`).get('/file').reply(302, '', { location: 'https://elsewhere.example/' });
    const moved = await egress().download(get, limits);
    expect(moved.status).toBe(302);
    moved.discard();
  });

  it('end where they are too large', async () => {
    nock(`https://${HOST}`).get('/file').reply(200, 'x'.repeat(1_001));
    const { body } = await egress().download(get, limits);
    await expect(read(body)).rejects.toMatchObject({ code: 'egress_failed' });
  });

  it('never reach another host', async () => {
    const url = 'https://elsewhere.example/file';
    await expect(egress().download({ ...get, url }, limits)).rejects.toMatchObject({ code: 'egress_refused' });
    const out = egress();
    out.close();
    await expect(out.download(get, limits)).rejects.toMatchObject({ code: 'egress_failed' });
  });

  it('are not begun by who is no public address', async () => {
    const resolve = async () => [{ address: '127.0.0.1', family: 4 } as Address];
    await expect(egress({ resolve }).download(get, limits)).rejects.toMatchObject({ code: 'egress_refused' });
  });
});
