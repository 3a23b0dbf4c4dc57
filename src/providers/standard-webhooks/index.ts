import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import { normaliseMapped } from '../mapped-event.ts';
import { mappingFaults } from '../mapping.ts';
import type { Provider } from '../provider.ts';
import { identify } from './identify.ts';
import { readKey } from './keys.ts';
import { verify } from './webhook.ts';

export const standardWebhooks: Provider = {
  name: 'standard-webhooks',
  title: 'Standard Webhooks',
  facts: {
    // The specification's own example schedule ends with the tenth try, some 75 hours after the first.
    retryHorizonHours: 76,
    dedupHorizonDays: 35,
    documentation: [
      'https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md',
      'https://docs.svix.com/receiving/verifying-payloads/how-manual',
    ],
    matrix: {
      signature: '`webhook-signature` or `svix-signature`: `v1` HMAC-SHA256, `v1a` Ed25519 over `id.timestamp.body`',
      freshness: '300 s either way',
      secret: '`whsec_` + base64, or `whpk_`',
      eventId: '`webhook-id`',
      trust: 'body',
      account: "the endpoint's",
      captured: "the endpoint's `mapping`",
      currencies: '`minor` or `major` by the mapping',
      answer: '200 `{"received":true}`',
    },
  },
  secretHeaders: [],
  signatureHeader: ['webhook-signature', 'svix-signature'],
  checkSettings: (settings) => [...commonSettingFaults(settings, ['mapping']), ...mappingFaults(settings.mapping)],
  checkSecret: (secret) => {
    if (secret.startsWith('whsk_'))
      return "this is the sender's private key; the receiver needs the public one (whpk_)";
    if (readKey(secret) !== null) return null;
    return 'must be whsec_ and base64 of 24 to 64 bytes, or whpk_ and base64 of 32 bytes';
  },
  verify,
  identify,
  normalise: normaliseMapped,
  normaliserVersion: 1,
  acknowledge: plainAcknowledgement,
};
