import { sign } from '../providers/standard-webhooks/sign.ts';
import { shop } from './shop.ts';
import { inHeaders, type Simulator } from './simulator.ts';

export const standardWebhooks: Simulator = {
  provider: 'standard-webhooks',
  ...shop,
  sign: inHeaders(sign),
  keys: { kind: 'shared', secret: (random) => `whsec_${Buffer.from(random.text(32)).toString('base64')}` },
};
