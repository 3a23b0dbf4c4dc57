import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { PosternError } from './errors.ts';

/** `HTTPS_PROXY` and `NO_PROXY`, as config.ts has checked them. */
export type ProxySettings = {
  /** `http(s)://[user:password@]host[:port]`. */
  readonly url: string;
  /** Hosts that are reached without it, with all below them; `*`: all. */
  readonly except: readonly string[];
};

export type EgressProxy = {
  /** Whether requests to this host go through the proxy. */
  covers(host: string): boolean;
  /** A connection through the proxy to port 443 of `host`; nothing was said on it yet. @throws PosternError `egress_failed`. */
  tunnel(host: string, signal: AbortSignal): Promise<Socket>;
};

const HTTPS_PORT = 443;

/**
 * The way out where only a proxy may go to the internet. The proxy resolves the name and so chooses the address; that it
 * is the right host is proved by TLS, which goes through it unopened.
 */
export function createEgressProxy({ url, except }: ProxySettings): EgressProxy {
  const proxy = new URL(url);
  const secure = proxy.protocol === 'https:';
  const port = Number(proxy.port || (secure ? HTTPS_PORT : 80));
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization =
    login === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` };

  function tunnel(host: string, signal: AbortSignal): Promise<Socket> {
    const target = `${host.includes(':') ? `[${host}]` : host}:${HTTPS_PORT}`;
    // Named without its login, which must not come into a log.
    const fail = (what: string, cause?: unknown): PosternError =>
      new PosternError(
        'egress_failed',
        `${host}: the proxy ${proxy.host} ${what}`,
        cause === undefined ? {} : { cause },
      );
    return new Promise((resolve, reject) => {
      const asked = (secure ? requestHttps : requestHttp)({
        method: 'CONNECT',
        host: proxy.hostname.replace(/^\[|\]$/g, ''),
        port,
        path: target,
        headers: { host: target, ...authorization },
        agent: false,
        signal,
      });
      asked.once('connect', ({ statusCode = 0 }, socket: Socket, head: Buffer) => {
        if (statusCode >= 200 && statusCode <= 299 && head.length === 0) return resolve(socket);
        socket.destroy();
        // In TLS the client speaks first: bytes that are there already are not the host's.
        reject(fail(head.length === 0 ? `answered ${statusCode}` : 'spoke in the place of the host'));
      });
      asked.once('error', (error: Error) => reject(fail(`gave no connection: ${error.message}`, error)));
      asked.end();
    });
  }

  return {
    covers: (host) => !except.some((entry) => entry === '*' || host === entry || host.endsWith(`.${entry}`)),
    tunnel,
  };
}
