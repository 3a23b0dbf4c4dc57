import { createServer as createHttpServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEgress, type EgressOptions } from '../src/egress.ts';
import { createSimulatedAuthority } from '../src/providers/paypal/simulated-authority.ts';

/* A real CONNECT proxy and a real TLS server on loopback: the proxy leads every name to that server. */

const HOST = 'certs.processor.example';
const authority = createSimulatedAuthority(Date.now(), HOST);
const stranger = createSimulatedAuthority(Date.now(), HOST);

type Asked = { readonly to: string; readonly authorization: string | undefined };

let origin: Server;
let originPort: number;
let served: string[] = [];
let answer: (request: IncomingMessage) => { status?: number; headers?: Record<string, string>; body?: string } | null;

let proxy: Server;
let proxyUrl: string;
let asked: Asked[] = [];
let onConnect: (client: Duplex, request: IncomingMessage) => void;
const open = new Set<Duplex>();

async function listen(server: Server): Promise<number> {
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function lead(client: Duplex, port = originPort): void {
  const upstream = connect(port, '127.0.0.1');
  open.add(upstream);
  upstream.on('error', () => client.destroy());
  client.on('error', () => upstream.destroy());
  client.on('close', () => upstream.destroy());
  upstream.once('connect', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    upstream.pipe(client).pipe(upstream);
  });
}

beforeAll(async () => {
  origin = createHttpsServer({ key: authority.privateKeyPem, cert: authority.certificatePem }, (request, response) => {
    served.push(`${request.headers.host}${request.url}`);
    const said = answer(request);
    if (said !== null) response.writeHead(said.status ?? 200, said.headers).end(said.body);
  });
  originPort = await listen(origin);
  proxy = createHttpServer();
  proxy.on('connect', (request: IncomingMessage, client: Duplex) => {
    asked.push({ to: request.url ?? '', authorization: request.headers['proxy-authorization'] });
    onConnect(client, request);
  });
  proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
});
afterAll(async () => {
  for (const socket of open) socket.destroy();
  await Promise.all([origin, proxy].map((server) => new Promise((resolve) => server.close(resolve))));
});
beforeEach(() => {
  served = [];
  asked = [];
  answer = () => ({ body: 'certificate' });
  onConnect = (client) => lead(client);
});
afterEach(() => {
  for (const socket of open) socket.destroy();
  open.clear();
});

/** Its own resolver must not be asked: behind a proxy there may be none that knows the internet. */
const resolve = vi.fn(async () => [{ address: '127.0.0.1', family: 4 as const }]);

function egress(change: Partial<EgressOptions> = {}, url = proxyUrl, except: readonly string[] = []) {
  return createEgress({
    allowHosts: [HOST],
    timeoutMs: 2_000,
    ca: authority.rootPem,
    resolve,
    proxy: { url, except },
    ...change,
  });
}

describe('through a proxy', () => {
  it('a listed host is asked for by name, and TLS goes through to it', async () => {
    await expect(egress().fetchText(`https://${HOST}/x?y=1`)).resolves.toBe('certificate');
    expect(asked).toEqual([{ to: `${HOST}:443`, authorization: undefined }]);
    expect(served).toEqual([`${HOST}/x?y=1`]);
    expect(resolve).not.toHaveBeenCalled();
  });

  it('as many go at once as it is told, and one more fails as in an outage', async () => {
    const waiting: Duplex[] = [];
    onConnect = (client) => waiting.push(client);
    const out = egress({ tunnelsMax: 6 });
    const six = Array.from({ length: 6 }, (_, n) => out.fetchText(`https://${HOST}/${n}`));
    await vi.waitFor(() => expect(waiting).toHaveLength(6));
    await expect(out.fetchText(`https://${HOST}/7`)).rejects.toMatchObject({ code: 'egress_failed' });
    for (const client of waiting) lead(client);
    expect(await Promise.all(six)).toHaveLength(6);
    onConnect = (client) => lead(client);
    await expect(out.fetchText(`https://${HOST}/8`)).resolves.toBe('certificate');
  });

  it('the login of its address is told to the proxy, unescaped, and to nobody else', async () => {
    const url = proxyUrl.replace('//', '//gate:p%40ss%3Aw%C3%B6rd@');
    let seen: IncomingMessage['headers'] = {};
    answer = ({ headers }) => {
      seen = headers;
      return { body: 'x' };
    };
    await egress({}, url).fetchText(`https://${HOST}/x`);
    expect(asked[0]?.authorization).toBe(`Basic ${Buffer.from('gate:p@ss:wörd').toString('base64')}`);
    expect(Object.keys(seen)).not.toContain('proxy-authorization');
  });

  it('hosts that are not on the list are not even named to it', async () => {
    for (const url of ['https://attacker.example/x', `https://${HOST}:8443/x`, `http://${HOST}/x`]) {
      await expect(egress().fetchText(url), url).rejects.toMatchObject({ code: 'egress_refused' });
    }
    expect(asked).toEqual([]);
  });

  it('a certificate by somebody else is refused: the proxy cannot put itself in between', async () => {
    const out = egress({ ca: stranger.rootPem });
    await expect(out.fetchText(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_failed' });
    expect(asked).toHaveLength(1);
    expect(served).toEqual([]);
  });

  it('a certificate of another host is refused', async () => {
    const out = egress({ allowHosts: ['api.processor.example'] });
    await expect(out.fetchText('https://api.processor.example/x')).rejects.toThrow(/altnames|does not match/i);
    expect(served).toEqual([]);
  });

  it.each([301, 302, 307, 204, 404, 500])(
    'the status %i of the host is no answer, and no redirect is followed',
    async (status) => {
      answer = () => ({ status, headers: { location: `https://${HOST}/elsewhere` } });
      await expect(egress().fetchText(`https://${HOST}/x`)).rejects.toThrow(`answered ${status}`);
      expect(served).toEqual([`${HOST}/x`]);
    },
  );

  it('no more is taken than the limit', async () => {
    answer = () => ({ body: 'x'.repeat(101) });
    await expect(egress({ maxBytes: 100 }).fetchText(`https://${HOST}/x`)).rejects.toThrow('more than 100 bytes');
    await expect(egress({ maxBytes: 101 }).fetchText(`https://${HOST}/x`)).resolves.toHaveLength(101);
  });

  it.each<[string, () => void]>([
    ['the proxy never answers', () => (onConnect = () => undefined)],
    ['the host never speaks TLS', () => (onConnect = (client) => client.write('HTTP/1.1 200 OK\r\n\r\n'))],
    ['the host never answers', () => (answer = () => null)],
  ])('nobody waits beyond the deadline where %s', async (_, arrange) => {
    arrange();
    const from = performance.now();
    await expect(egress({ timeoutMs: 150 }).fetchText(`https://${HOST}/x`)).rejects.toMatchObject({
      code: 'egress_failed',
      retryable: true,
    });
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  it.each([
    ['asks for a login', 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'answered 407'],
    ['refuses the host', 'HTTP/1.1 403 Forbidden\r\n\r\n', 'answered 403'],
    ['speaks in the place of the host', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n', 'spoke in the place'],
    ['speaks no HTTP', 'SSH-2.0-x\r\n', 'gave no connection'],
  ])('one that %s is a failure that tells of no password', async (_, said, told) => {
    onConnect = (client) => client.end(said);
    const failure = await egress({}, proxyUrl.replace('//', '//gate:geheim@'))
      .fetchText(`https://${HOST}/x`)
      .then(String, (error: Error) => `${error.message} ${error.stack} ${JSON.stringify(error)}`);
    expect(failure).toContain(told);
    expect(failure).not.toContain('geheim');
    expect(failure).not.toContain('Z2F0ZTpnZWhlaW0');
    expect(served).toEqual([]);
  });

  it('one that is not there is a failure, not a way around it', async () => {
    await expect(egress({}, 'http://127.0.0.1:1').fetchText(`https://${HOST}/x`)).rejects.toThrow('gave no connection');
    expect(served).toEqual([]);
  });

  it('only so many are on their way at once', async () => {
    onConnect = () => undefined;
    const out = egress({ timeoutMs: 300 });
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => out.fetchText(`https://${HOST}/x`)));
    expect(String(all[4]?.status === 'rejected' && all[4].reason)).toContain('on their way through the proxy already');
    expect(asked.length).toBeLessThanOrEqual(4);
    onConnect = (client) => lead(client);
    await expect(out.fetchText(`https://${HOST}/x`)).resolves.toBe('certificate');
  });

  it('where any host may be asked, only the public address that was checked is named to it', async () => {
    const anywhere = { allowHosts: null, allowAddress: (address: string) => address === '93.184.216.34' };
    const outside = egress({ ...anywhere, resolve: async () => [{ address: '93.184.216.34', family: 4 }] });
    await expect(outside.fetchText(`https://${HOST}/x`)).resolves.toBe('certificate');
    expect(asked.map(({ to }) => to)).toEqual(['93.184.216.34:443']);
    const inside = egress({ ...anywhere, resolve: async () => [{ address: '10.0.0.1', family: 4 }] });
    await expect(inside.fetchText(`https://${HOST}/x`)).rejects.toMatchObject({ code: 'egress_refused' });
    expect(asked).toHaveLength(1);
  });
});

describe('past the proxy', () => {
  it.each([[['*']], [[HOST]], [['processor.example']], [['localhost', 'example']]])(
    'goes what NO_PROXY names: %j',
    async (except) => {
      // Straight out: our own address check stands, and refuses loopback.
      await expect(egress({}, proxyUrl, except).fetchText(`https://${HOST}/x`)).rejects.toMatchObject({
        code: 'egress_refused',
      });
      expect(asked).toEqual([]);
    },
  );

  it.each([[['certs']], [['rocessor.example']], [[`x.${HOST}`]], [['10.0.0.0/8', '::1']]])(
    'does not go what only looks like it: %j',
    async (except) => {
      await expect(egress({}, proxyUrl, except).fetchText(`https://${HOST}/x`)).resolves.toBe('certificate');
    },
  );
});
