import { plainAcknowledgement } from '../acknowledgement.ts';
import { isPath } from '../body-paths.ts';
import { commonSettingFaults } from '../common-settings.ts';
import { normaliseMapped } from '../mapped-event.ts';
import { mappingFaults } from '../mapping.ts';
import { deferredFor } from '../normalised.ts';
import type { EndpointSettings, Normalised, Provider, ReceivedEvent, SettingFault } from '../provider.ts';
import { readKey } from './keys.ts';
import { identify, verify } from './webhook.ts';

const COMPONENTS_MAX = 20;

export const rfc9421: Provider = {
  name: 'rfc9421',
  title: 'HTTP Message Signatures',
  facts: {
    // The RFC knows no retries: a week is more than any sender we know of tries.
    retryHorizonHours: 168,
    dedupHorizonDays: 35,
    documentation: ['https://www.rfc-editor.org/rfc/rfc9421', 'https://www.rfc-editor.org/rfc/rfc9530'],
    matrix: {
      signature:
        '`Signature-Input`, `Signature` (RFC 9421): hmac-sha256, ed25519, rsa-pss-sha512, ecdsa-p256-sha256, chosen by key; `content-digest` must be covered and right',
      freshness: '`created` must be there: 300 s either way; `expires` holds',
      secret: 'JSON of `keyid`, `alg`, `key`',
      eventId: 'the body’s `id` (`id_path`)',
      trust: 'body; a hint, which posts nothing, where `components` leaves the body out',
      account: "the endpoint's",
      captured: "the endpoint's `mapping`",
      currencies: '`minor` or `major` by the mapping',
      answer: '200 `{"received":true}`',
    },
  },
  secretHeaders: [],
  signatureHeader: ['signature', 'signature-input'],
  checkSettings,
  checkSecret(secret) {
    const key = readKey(secret);
    return typeof key === 'string' ? key : null;
  },
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  acknowledge: plainAcknowledgement,
};

function normalise(event: ReceivedEvent, settings: EndpointSettings): Normalised {
  if (event.level === 'body') return normaliseMapped(event, settings);
  const reason = 'the signature does not cover the body, and there is no address to fetch the truth from';
  return deferredFor({ references: [], amount: null }, 'object', reason);
}

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = [
    ...commonSettingFaults(settings, ['mapping', 'components', 'id_path']),
    ...mappingFaults(settings.mapping),
  ];
  const { components, id_path: path } = settings;
  const list = Array.isArray(components) && components.length <= COMPONENTS_MAX;
  if (
    components !== undefined &&
    !(list && components.every((one) => typeof one === 'string' && /^@?[a-z0-9-]{1,100}$/.test(one)))
  ) {
    faults.push({
      path: '/components',
      message: `must be a list of at most ${COMPONENTS_MAX} components every signature must cover, like "content-digest" and "@method"`,
    });
  }
  if (path !== undefined && !(isPath(path) && !path.startsWith('=')))
    faults.push({ path: '/id_path', message: 'must be a path into the body, like data.event_id' });
  return faults;
}
