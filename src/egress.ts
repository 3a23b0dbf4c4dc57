import { promises as dns } from 'node:dns';
import { Agent, type RequestOptions, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createEgressProxy, type EgressProxy, type ProxySettings } from './egress-proxy.ts';
import { messageOf, PosternError } from './errors.ts';
import { isPublicAddress } from './public-address.ts';

export type Address = { readonly address: string; readonly family: 4 | 6 };

export type EgressOptions = {
  /** Exact host names; null for any host, which then still must be on the public internet. */
  readonly allowHosts: readonly string[] | null;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** Null: straight to the host. */
  readonly proxy?: ProxySettings | null;
  /** Name resolution, and which addresses are good: replaced in tests only. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
  readonly allowAddress?: (address: string) => boolean;
  /** Who is believed in place of the well-known authorities: in tests only. */
  readonly ca?: string;
};

export type Egress = {
  /** The body of an https resource. @throws PosternError `egress_refused` (never asked), `egress_failed`. */
  fetchBytes(url: string): Promise<Buffer>;
  fetchText(url: string): Promise<string>;
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
  const { allowHosts, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options;
  const { resolve = resolveHost, allowAddress = isPublicAddress } = options;
  // An agent of its own, and no kept connections: one opened for an address must not serve another check.
  const agent = new Agent({ keepAlive: false, maxSockets: SOCKETS_MAX });
  const proxy = options.proxy == null ? null : createEgressProxy(options.proxy);
  let tunnels = 0;
  const trust = options.ca === undefined ? {} : { ca: options.ca };

  async function fetchBytes(url: string): Promise<Buffer> {
    const target = checkUrl(url, allowHosts);
    const signal = AbortSignal.timeout(timeoutMs);
    const proxied = proxy?.covers(target.hostname) === true ? proxy : null;
    if (proxied !== null && allowHosts !== null) return getThrough(proxied, target.hostname, target, signal);
    const addresses = await withinDeadline(resolve(target.hostname), signal, target.hostname);
    const [first] = addresses;
    if (first === undefined) throw failed(target.hostname, 'the name does not resolve');
    const bad = addresses.find(({ address }) => !allowAddress(address));
    if (bad !== undefined) throw refused(`${target.hostname} resolves to ${bad.address}, which is no public address`);
    if (proxied !== null) return getThrough(proxied, first.address, target, signal);
    const lookup: LookupFunction = (_host, { all }, callback) => {
      if (all === true) callback(null, [{ ...first }]);
      else callback(null, first.address, first.family);
    };
    return get(target, { agent, lookup, ...trust }, signal);
  }

  /** The proxy only carries bytes: the certificate is checked here, for the host that was asked for. */
  async function getThrough(proxied: EgressProxy, to: string, target: URL, signal: AbortSignal): Promise<Buffer> {
    const host = target.hostname;
    if (tunnels >= SOCKETS_MAX) throw failed(host, `${tunnels} requests are on their way through the proxy already`);
    tunnels += 1;
    try {
      const socket = await proxied.tunnel(to, signal);
      const createConnection = () => {
        const secured = connectTls({ socket, servername: host, ...trust });
        secured.once('close', () => socket.destroy());
        return secured;
      };
      // Without an agent Node takes 80 for the port that needs no mention.
      return await get(target, { createConnection, defaultPort: 443 }, signal);
    } finally {
      tunnels -= 1;
    }
  }

  function get(target: URL, connection: RequestOptions, signal: AbortSignal): Promise<Buffer> {
    return new Promise((fulfil, reject) => {
      const fail = (error: unknown) =>
        reject(error instanceof PosternError ? error : failed(target.hostname, messageOf(error), error));
      const sent = request(
        target,
        { ...connection, signal, method: 'GET', headers: { 'accept-encoding': 'identity' } },
        (answer) => {
          answer.on('error', fail);
          if (answer.statusCode !== 200) {
            // Redirects included: where they lead was never checked.
            sent.destroy(failed(target.hostname, `answered ${answer.statusCode}`));
            return;
          }
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
          answer.on('end', () => fulfil(Buffer.concat(chunks)));
          answer.on('aborted', () => fail(failed(target.hostname, 'the answer was cut short')));
        },
      );
      sent.on('error', fail);
      sent.end();
    });
  }

  return {
    fetchBytes,
    async fetchText(url) {
      return (await fetchBytes(url)).toString('utf8');
    },
    close: () => agent.destroy(),
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
  if (allowHosts !== null && !allowHosts.includes(host))
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
