import { badRequestAcknowledgement } from '../bad-request.ts';
import { commonSettingFaults } from '../common-settings.ts';
import { keyedSecretFault } from '../keyed-secret.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { exponentsOf } from './currency.ts';
import { normalise } from './events.ts';
import { transferBatch } from './transfer-batch.ts';
import { HEADER, identify, verify } from './webhook.ts';

export const worldpay: Provider = {
  name: 'worldpay',
  title: 'Worldpay (Access)',
  facts: {
    // 15 minutes growing to 2 hours, for a week.
    retryHorizonHours: 168,
    // The time that is signed is the event's, not the delivery's: a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://docs.worldpay.com/access/products/events',
      'https://docs.worldpay.com/access/products/events/signature',
      'https://docs.worldpay.com/access/products/events/openapi/payment',
      'https://developer.worldpay.com/products/payment-queries',
      'https://support.worldpay.com/support/kb/bg/mainavigation/rs5502.html',
    ],
    matrix: {
      signature:
        '`Event-Signature`: HMAC-SHA256 over the body for each key id, hex or base64; it must be switched on by Worldpay',
      freshness: 'no time of delivery is signed',
      secret: 'the shared secret as text, or its key id, a blank and the secret',
      eventId: '`eventId`',
      trust: 'body',
      account: "the endpoint's",
      captured: 'sentForSettlement or settled, one for each partial `reference`; settlementFailed takes it back',
      currencies: 'two-decimal currencies × 100; others wait until `currency_exponents` says how they are scaled',
      settlement: 'transfer batch CSV',
      answer: '200 `{"received":true}`; 400 for a bad signature',
      unconfirmed:
        'how the MAC is written (both are taken); that the secret is used as text; currencies without two decimals; that `settled` carries the same `reference` and amount as `sentForSettlement`; card payouts wait for an adapter; that the history a payment query tells has the references of the webhooks, and one settlement for a sale; whether `receivedEvents` finds payments by each of their events; that a transfer batch has the columns that are bound, and names a refund by the `reference` of its webhook; that no webhook tells that a chargeback was reversed (`CHARGEBACK_REVERSED`)',
    },
  },
  secretHeaders: [],
  signatureHeader: [HEADER],
  checkSettings,
  checkSecret: keyedSecretFault,
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  settlements: [transferBatch],
  acknowledge: badRequestAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['currency_exponents', 'api_key', 'report_refunds']);
  const { currency_exponents: told, api_key: key, report_refunds: refunds } = settings;
  if (key !== undefined && !(typeof key === 'string' && /^[\x21-\x39\x3b-\x7e]{1,200}:[\x21-\x7e]{1,500}$/.test(key))) {
    faults.push({
      path: '/api_key',
      message: 'must be the user name and the password of the API, with a colon between',
    });
  }
  if (refunds !== undefined && refunds !== 'negative' && refunds !== 'positive')
    faults.push({ path: '/report_refunds', message: 'must be negative or positive, as the export writes refunds' });
  const isRecord = typeof told === 'object' && told !== null && !Array.isArray(told);
  const names = isRecord ? Object.keys(told) : [];
  const known = Object.keys(exponentsOf(settings));
  if (told !== undefined && !(isRecord && names.every((name) => /^[A-Z]{3}$/.test(name) && known.includes(name)))) {
    faults.push({
      path: '/currency_exponents',
      message: 'must name decimals from 0 to 4 by currency, like {"JPY": 0}',
    });
  }
  if (settings.tolerance_s !== undefined)
    faults.push({ path: '/tolerance_s', message: 'Worldpay signs no time of delivery' });
  return faults;
}
