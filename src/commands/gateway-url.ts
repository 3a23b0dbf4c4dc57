import type { Config } from '../config.ts';

/** Where the gateway of this environment is called, without a slash at its end. */
export function gatewayUrl({ publicUrl, host, port }: Pick<Config, 'publicUrl' | 'host' | 'port'>): string {
  return publicUrl ?? reachable(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** An address that listens everywhere is none that can be called. */
export function reachable(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
