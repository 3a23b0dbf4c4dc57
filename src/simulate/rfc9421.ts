import { sign } from '../providers/rfc9421/sign.ts';
import { shop } from './shop.ts';
import { inHeaders, type Simulator } from './simulator.ts';

export const rfc9421: Simulator = {
  provider: 'rfc9421',
  ...shop,
  sign: inHeaders(sign),
  keys: {
    kind: 'shared',
    secret(random) {
      // 33 bytes: base64 without padding, so that a forger's last characters are key too.
      const key = Buffer.from(random.text(33)).toString('base64');
      return JSON.stringify({ keyid: 'simulated-1', alg: 'hmac-sha256', key });
    },
  },
};
