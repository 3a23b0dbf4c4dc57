import { promises as dns } from 'node:dns';
import { Agent, type RequestOptions, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createEgressProxy, type EgressProxy, type ProxySettings } from './egress-proxy.ts';
import { messageOf, PosternError } from './errors.ts';
import { isListedHost } from './host-list.ts';
import { isPublicAddress } from './public-address.ts';

export type Address = { readonly address: string; readonly family: 4 | 6 };

export type EgressOptions = {
  /** Exact host names; null for any host, which then still must be on the public internet. */
  readonly allowHosts: readonly string[] | null;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** Requests through the proxy at once: past it they fail as in an outage. */
  readonly tunnelsMax?: number;
  /** Null: straight to the host. */
  readonly proxy?: ProxySettings | null;
  /** Name resolution, and which addresses are good: replaced in tests only. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
  readonly allowAddress?: (address: string) => boolean;
  /** Who is believed in place of the well-known authorities: in tests only. */
  readonly ca?: string;
};

/** One call to a host on the list. Redirects are not followed: they are answers like others. */
export type EgressCall = {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Header names are lower case; of repeated ones the values are joined. */
export type EgressAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

export type Egress = {
  /** Whatever the host answers. @throws PosternError `egress_refused` (never asked), `egress_failed` (no answer). */
  call(call: EgressCall): Promise<EgressAnswer>;
  /** The body of an https resource. @throws PosternError `egress_refused` (never asked), `egress_failed`. */
  fetchBytes(url: string): Promise<Buffer>;
  fetchText(url: string): Promise<string>;
  /** Cuts what is under way, through a proxy too, and begins nothing more: it fails as in an outage. */
  close(): void;
};

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1024 * 1024;
const URL_CHARS_MAX = 2_048;
const SOCKETS_MAX = 4;

/**
 * The one way out for URLs that somebody else may have chosen. The host is compared with the list, resolved once, every
 * address of it must be public, and the connection goes to the address that was checked: a name that resolves to another
 * one a moment later (rebinding) gains nothing. No redirects, no port but 443, no credentials.
 *
 * Through a proxy a listed host is asked for by its name, and the address is the proxy's to choose: the list and TLS, end
 * to end, are what protects there. Where any host may be asked, it is the checked address that the proxy is told.
 */
export function createEgress(options: EgressOptions): Egress {
  const { allowHosts, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES, tunnelsMax = SOCKETS_MAX } = options;
  const { resolve = resolveHost, allowAddress = isPublicAddress } = options;
  // An agent of its own, and no kept connections: one opened for an address must not serve another check.
  const agent = new Agent({ keepAlive: false, maxSockets: SOCKETS_MAX });
  const proxy = options.proxy == null ? null : createEgressProxy(options.proxy);
  let tunnels = 0;
  const closing = new AbortController();
  const trust = options.ca === undefined ? {} : { ca: options.ca };

  async function fetchBytes(url: string): Promise<Buffer> {
    const { status, body } = await call({ method: 'GET', url, headers: {} });
    // Redirects included: where they lead was never checked.
    if (status !== 200) throw failed(new URL(url).hostname, `answered ${status}`);
    return body;
  }

  async function call(asked: EgressCall): Promise<EgressAnswer> {
    const target = checkUrl(asked.url, allowHosts);
    // An object may take several calls: a stopping process must not begin the next one.
    if (closing.signal.aborted) throw failed(target.hostname, 'the gateway is stopping');
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), closing.signal]);
    const proxied = proxy?.covers(target.hostname) === true ? proxy : null;
    if (proxied !== null && allowHosts !== null) return getThrough(proxied, target.hostname, target, asked, signal);
    const addresses = await withinDeadline(resolve(target.hostname), signal, target.hostname);
    const [first] = addresses;
    if (first === undefined) throw failed(target.hostname, 'the name does not resolve');
    const bad = addresses.find(({ address }) => !allowAddress(address));
    if (bad !== undefined) throw refused(`${target.hostname} resolves to ${bad.address}, which is no public address`);
    if (proxied !== null) return getThrough(proxied, first.address, target, asked, signal);
    const lookup: LookupFunction = (_host, { all }, callback) => {
      if (all === true) callback(null, [{ ...first }]);
      else callback(null, first.address, first.family);
    };
    return send(target, asked, { agent, lookup, ...trust }, signal);
  }

  /** The proxy only carries bytes: the certificate is checked here, for the host that was asked for. */
  async function getThrough(
    proxied: EgressProxy,
    to: string,
    target: URL,
    asked: EgressCall,
    signal: AbortSignal,
  ): Promise<EgressAnswer> {
    const host = target.hostname;
    if (tunnels >= tunnelsMax) throw failed(host, `${tunnels} requests are on their way through the proxy already`);
    tunnels += 1;
    try {
      const socket = await proxied.tunnel(to, signal);
      const createConnection = () => {
        const secured = connectTls({ socket, servername: host, ...trust });
        secured.once('close', () => socket.destroy());
        return secured;
      };
      // Without an agent Node takes 80 for the port that needs no mention.
      return await send(target, asked, { createConnection, defaultPort: 443 }, signal);
    } finally {
      tunnels -= 1;
    }
  }

  function send(
    target: URL,
    { method, headers, body }: EgressCall,
    connection: RequestOptions,
    signal: AbortSignal,
  ): Promise<EgressAnswer> {
    return new Promise((fulfil, reject) => {
      const fail = (error: unknown) =>
        reject(error instanceof PosternError ? error : failed(target.hostname, messageOf(error), error));
      const sent = request(
        target,
        { ...connection, signal, method, headers: { ...headers, 'accept-encoding': 'identity' } },
        (answer) => {
          answer.on('error', fail);
          const chunks: Buffer[] = [];
          let bytes = 0;
          answer.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes <= maxBytes) chunks.push(chunk);
            else {
              // Told before the connection is destroyed: what came may have its end, and be taken for the whole.
              const tooMuch = failed(target.hostname, `sent more than ${maxBytes} bytes`);
              fail(tooMuch);
              sent.destroy(tooMuch);
            }
          });
          answer.on('end', () =>
            fulfil({
              status: answer.statusCode ?? 0,
              headers: Object.fromEntries(
                Object.entries(answer.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
              ),
              body: Buffer.concat(chunks),
            }),
          );
          answer.on('aborted', () => fail(failed(target.hostname, 'the answer was cut short')));
        },
      );
      sent.on('error', fail);
      sent.end(body);
    });
  }

  return {
    call,
    fetchBytes,
    async fetchText(url) {
      return (await fetchBytes(url)).toString('utf8');
    },
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}

/**
 * `https://host/path` and nothing else. Compared as text before it is parsed, because a parser repairs (backslashes,
 * tabs, upper case, encoded hosts) what a list entry never had.
 */
function checkUrl(url: string, allowHosts: readonly string[] | null): URL {
  const match =
    url.length > URL_CHARS_MAX ? null : /^https:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)+)\/([\x21-\x7e]*)$/.exec(url);
  const host = match?.[1];
  if (host === undefined || !URL.canParse(url))
    throw refused('only https://host/path is fetched, without port or credentials');
  const target = new URL(url);
  if (target.hostname !== host || target.href !== url) throw refused('the URL is not written plainly');
  if (allowHosts !== null && !isListedHost(host, allowHosts))
    throw refused(`${host} is not on the list of hosts to fetch from`);
  return target;
}

async function resolveHost(host: string): Promise<readonly Address[]> {
  const found = await dns.lookup(host, { all: true, verbatim: true });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
}

/** Name resolution cannot be cancelled; it must not hold the fetch beyond its deadline either. */
async function withinDeadline<T>(work: Promise<T>, signal: AbortSignal, host: string): Promise<T> {
  let onAbort: (() => void) | undefined;
  const expired = new Promise<never>((_, reject) => {
    onAbort = () => reject(failed(host, 'no answer in time'));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, expired]);
  } catch (error) {
    throw error instanceof PosternError ? error : failed(host, messageOf(error), error);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function refused(message: string): PosternError {
  return new PosternError('egress_refused', message);
}

function failed(host: string, message: string, cause?: unknown): PosternError {
  return new PosternError('egress_failed', `${host}: ${message}`, cause === undefined ? {} : { cause });
}
