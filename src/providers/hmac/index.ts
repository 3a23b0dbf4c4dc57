import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import { normaliseMapped } from '../mapped-event.ts';
import { mappingFaults } from '../mapping.ts';
import type { Provider } from '../provider.ts';
import { SCHEME_SETTINGS, schemeFaults } from './scheme.ts';
import { identify, verify } from './webhook.ts';

export const hmacScheme: Provider = {
  name: 'hmac',
  title: 'HMAC by settings',
  facts: {
    // Of a sender we do not know: a week is more than any we know of tries.
    retryHorizonHours: 168,
    // Whether a time is signed is the endpoint's setting: kept as if none were.
    dedupHorizonDays: null,
    documentation: ['https://www.rfc-editor.org/rfc/rfc2104'],
    matrix: {
      signature:
        'as the settings say: header, prefix, SHA-256, SHA-512 or SHA-1, hex or base64, signed text as a template',
      freshness: 'where the template holds `{timestamp}`: 300 s either way',
      secret: 'text, or hex or base64 by `secret_encoding`',
      eventId: '`id_path` in the body, or `id_header`, which counts with the content unless the template holds `{id}`',
      trust: 'body',
      account: "the endpoint's",
      captured: "the endpoint's `mapping`",
      currencies: '`minor` or `major` by the mapping',
      answer: '200 `{"received":true}`',
    },
  },
  secretHeaders: [],
  // Each endpoint has its own.
  signatureHeader: null,
  checkSettings: (settings) => [
    ...commonSettingFaults(settings, ['mapping', ...SCHEME_SETTINGS]),
    ...schemeFaults(settings),
    ...mappingFaults(settings.mapping),
  ],
  checkSecret: (secret) => (/^[\x20-\x7e]{8,1024}$/.test(secret) ? null : 'must be 8 to 1024 ASCII characters'),
  verify,
  identify,
  normalise: normaliseMapped,
  normaliserVersion: 1,
  acknowledge: plainAcknowledgement,
};
