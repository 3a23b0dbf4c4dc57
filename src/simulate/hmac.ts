import { sign } from '../providers/hmac/sign.ts';
import { shop } from './shop.ts';
import { inHeaders, type Simulator } from './simulator.ts';

const HEADER = 'x-shop-signature';

export const hmac: Simulator = {
  provider: 'hmac',
  ...shop,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => random.text(40) },
  settings: () => ({
    ...shop.settings(),
    signature_header: HEADER,
    prefix: 'sha256=',
    signed: '{timestamp}.{body}',
    timestamp_header: 'x-shop-timestamp',
    id_path: 'id',
  }),
  forgeries: {
    unsigned(body, target, now) {
      const name = String(target.settings.signature_header ?? HEADER);
      const headers = sign({ body, url: target.url }, target.secret, now, target.settings);
      return { headers: headers.filter(([one]) => one !== name), body };
    },
  },
};
