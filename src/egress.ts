import { promises as dns } from 'node:dns';
import { Agent, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { messageOf, PosternError } from './errors.ts';
import { isPublicAddress } from './public-address.ts';

export type Address = { readonly address: string; readonly family: 4 | 6 };

export type EgressOptions = {
  /** Exact host names; null for any host, which then still must be on the public internet. */
  readonly allowHosts: readonly string[] | null;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  /** Name resolution, and which addresses are good: replaced in tests only. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
  readonly allowAddress?: (address: string) => boolean;
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
 */
export function createEgress(options: EgressOptions): Egress {
  const { allowHosts, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options;
  const { resolve = resolveHost, allowAddress = isPublicAddress } = options;
  // An agent of its own, and no kept connections: one opened for an address must not serve another check.
  const agent = new Agent({ keepAlive: false, maxSockets: SOCKETS_MAX });

  async function fetchBytes(url: string): Promise<Buffer> {
    const target = checkUrl(url, allowHosts);
    const signal = AbortSignal.timeout(timeoutMs);
    const addresses = await withinDeadline(resolve(target.hostname), signal, target.hostname);
    const [first] = addresses;
    if (first === undefined) throw failed(target.hostname, 'the name does not resolve');
    const bad = addresses.find(({ address }) => !allowAddress(address));
    if (bad !== undefined) throw refused(`${target.hostname} resolves to ${bad.address}, which is no public address`);
    return get(target, first, signal);
  }

  function get(target: URL, address: Address, signal: AbortSignal): Promise<Buffer> {
    const lookup: LookupFunction = (_host, { all }, callback) => {
      if (all === true) callback(null, [{ ...address }]);
      else callback(null, address.address, address.family);
    };
    return new Promise((fulfil, reject) => {
      const fail = (error: unknown) =>
        reject(error instanceof PosternError ? error : failed(target.hostname, messageOf(error), error));
      const sent = request(
        target,
        { agent, lookup, signal, method: 'GET', headers: { 'accept-encoding': 'identity' } },
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
            if (bytes > maxBytes) sent.destroy(failed(target.hostname, `sent more than ${maxBytes} bytes`));
            else chunks.push(chunk);
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
