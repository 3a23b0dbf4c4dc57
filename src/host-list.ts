/**
 * Whether a host is on a list of exact names. `*.` in front of an entry stands for one label, and is for processors that give
 * every customer a host of their own: which of them is asked, the endpoint's settings say, never a request.
 */
export function isListedHost(host: string, list: readonly string[]): boolean {
  if (list.includes(host)) return true;
  const dot = host.indexOf('.');
  return dot > 0 && list.includes(`*${host.slice(dot)}`);
}
