import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IPv4 that is not one public host's (IANA special-purpose registry, RFC 6890 and its successors). */
const RESERVED_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/**
 * IPv6 has one public block, 2000::/3, less what is reserved in it or carries an IPv4 address inside (6to4, Teredo). Being
 * outside of it are loopback, link-local, unique local, mapped (::ffff:127.0.0.1) and translated (64:ff9b::) addresses.
 */
const PUBLIC_V6 = '2000::/3';
const RESERVED_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const reserved = new BlockList();
const unicast = new BlockList();
for (const range of RESERVED_V4) addRange(reserved, range, 'ipv4');
for (const range of RESERVED_V6) addRange(reserved, range, 'ipv6');
addRange(unicast, PUBLIC_V6, 'ipv6');

function addRange(list: BlockList, range: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', bits = ''] = range.split('/');
  list.addSubnet(address, Number(bits), family);
}

/** True for the address of a host on the public internet; anything else, and what is no address, is false. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !reserved.check(address, 'ipv4');
  // A scope (fe80::1%eth0) names an interface of ours.
  if (!isIPv6(address) || address.includes('%')) return false;
  return unicast.check(address, 'ipv6') && !reserved.check(address, 'ipv6');
}
