import { promises as dns } from 'node:dns';
import type { IncomingHttpHeaders } from 'node:http';
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

/** An answer whose body is still on its way: it is read to its end, or discarded. */
export type EgressDownload = Omit<EgressAnswer, 'body'> & {
  /** Throws PosternError `egress_failed` where it breaks off, stalls, or is larger than it may be. */
  readonly body: AsyncIterable<Buffer>;
  discard(): void;
};

export type DownloadLimits = {
  readonly maxBytes: number;
  /** For all of it. */
  readonly timeoutMs: number;
  /** Without a byte for so long it is taken for dead. */
  readonly idleMs: number;
};

export type Egress = {
  /** Whatever the host answers. @throws PosternError `egress_refused` (never asked), `egress_failed` (no answer). */
  call(call: EgressCall): Promise<EgressAnswer>;
  /** The same for a body of any size, which is handed on as it comes. */
  download(call: EgressCall, limits: DownloadLimits): Promise<EgressDownload>;
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
    const target = checked(asked);
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), closing.signal]);
    const way = await wayTo(target, signal);
    try {
      return await send(target, asked, way.options, signal);
    } finally {
      way.release();
    }
  }

  async function download(asked: EgressCall, limits: DownloadLimits): Promise<EgressDownload> {
    const target = checked(asked);
    const signal = AbortSignal.any([AbortSignal.timeout(limits.timeoutMs), closing.signal]);
    const way = await wayTo(target, signal);
    return receive(target, asked, way, signal, limits);
  }

  function checked(asked: EgressCall): URL {
    const target = checkUrl(asked.url, allowHosts);
    // An object may take several calls: a stopping process must not begin the next one.
    if (closing.signal.aborted) throw failed(target.hostname, 'the gateway is stopping');
    return target;
  }

  type Way = { readonly options: RequestOptions; release(): void };

  async function wayTo({ hostname }: URL, signal: AbortSignal): Promise<Way> {
    const proxied = proxy?.covers(hostname) === true ? proxy : null;
    if (proxied !== null && allowHosts !== null) return tunnelTo(proxied, hostname, hostname, signal);
    const addresses = await withinDeadline(resolve(hostname), signal, hostname);
    const [first] = addresses;
    if (first === undefined) throw failed(hostname, 'the name does not resolve');
    const bad = addresses.find(({ address }) => !allowAddress(address));
    if (bad !== undefined) throw refused(`${hostname} resolves to ${bad.address}, which is no public address`);
    if (proxied !== null) return tunnelTo(proxied, first.address, hostname, signal);
    const lookup: LookupFunction = (_host, { all }, callback) => {
      if (all === true) callback(null, [{ ...first }]);
      else callback(null, first.address, first.family);
    };
    return { options: { agent, lookup, ...trust }, release: () => undefined };
  }

  /** The proxy only carries bytes: the certificate is checked here, for the host that was asked for. */
  async function tunnelTo(proxied: EgressProxy, to: string, host: string, signal: AbortSignal): Promise<Way> {
    if (tunnels >= tunnelsMax) throw failed(host, `${tunnels} requests are on their way through the proxy already`);
    tunnels += 1;
    let isOpen = true;
    const release = (): void => {
      if (isOpen) tunnels -= 1;
      isOpen = false;
    };
    try {
      const socket = await proxied.tunnel(to, signal);
      const createConnection = () => {
        const secured = connectTls({ socket, servername: host, ...trust });
        secured.once('close', () => socket.destroy());
        return secured;
      };
      // Without an agent Node takes 80 for the port that needs no mention.
      return { options: { createConnection, defaultPort: 443 }, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Resolves once the answer begins; its body comes afterwards. */
  function receive(
    target: URL,
    { method, headers, body }: EgressCall,
    { options: connection, release }: Way,
    signal: AbortSignal,
    { maxBytes: bytesMax, idleMs }: DownloadLimits,
  ): Promise<EgressDownload> {
    const host = target.hostname;
    const told = (error: unknown) => (error instanceof PosternError ? error : failed(host, messageOf(error), error));
    return new Promise((fulfil, reject) => {
      const sent = request(
        target,
        { ...connection, signal, method, headers: { ...headers, 'accept-encoding': 'identity' } },
        (answer) => {
          async function* chunks(): AsyncIterable<Buffer> {
            let bytes = 0;
            try {
              for await (const chunk of answer as AsyncIterable<Buffer>) {
                bytes += chunk.length;
                if (bytes > bytesMax) throw failed(host, `sent more than ${bytesMax} bytes`);
                yield chunk;
              }
              if (!answer.complete) throw failed(host, 'the answer was cut short');
            } catch (error) {
              throw told(error);
            } finally {
              sent.destroy();
            }
          }
          fulfil({
            status: answer.statusCode ?? 0,
            headers: headersOf(answer.headers),
            body: chunks(),
            discard: () => sent.destroy(),
          });
        },
      );
      sent.setTimeout(idleMs, () => sent.destroy(failed(host, `sent nothing for ${idleMs} ms`)));
      sent.once('close', release);
      sent.on('error', (error) => reject(told(error)));
      sent.end(body);
    });
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
              headers: headersOf(answer.headers),
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
    download,
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

function headersOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]));
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
