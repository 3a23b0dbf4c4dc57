import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { isApiKey } from './ask.ts';
import { normalise } from './events.ts';
import { financialActions } from './financial-actions.ts';
import { payouts } from './payouts-report.ts';
import { settlementBreakdown } from './settlement-breakdown.ts';
import { HEADER, identify, verify } from './webhook.ts';

export const checkout: Provider = {
  name: 'checkout',
  title: 'Checkout.com',
  facts: {
    // 5, 10, 15, 30 minutes, 1, 4, 12 and 12 hours.
    retryHorizonHours: 30,
    // No time is signed, so a captured request replays for ever.
    dedupHorizonDays: null,
    documentation: [
      'https://www.checkout.com/docs/developer-resources/event-notifications/receive-webhooks',
      'https://www.checkout.com/docs/developer-resources/event-notifications/event-types',
      'https://www.checkout.com/docs/payments/accept-payments/format-the-amount-value',
      'https://www.checkout.com/docs/business-operations/manage-disputes/how-disputes-work',
      'https://www.checkout.com/docs/payments/manage-payments/search-and-filter-payments',
    ],
    matrix: {
      signature: '`Cko-Signature`: HMAC-SHA256 over the body, hex; optionally an `Authorization` header besides',
      freshness: 'no time is signed',
      secret: 'signature key as text',
      eventId: '`id` (`evt_…`)',
      trust: 'body',
      account: "the endpoint's",
      captured: '`payment_captured`, one for each `action_id`; returned payments are taken back',
      currencies: 'minor units; CLP × 100; ISK, UGX whole; three-decimal amounts end in 0',
      settlement: 'settlement breakdown, payouts and financial actions CSV',
      answer: '200 `{"received":true}`',
      unconfirmed:
        'how arbitration moves money after a dispute was won or lost before; that a rapid dispute resolution is always at our cost; payouts to cards and banks wait for an adapter; that `amount:>=0` finds every payment; how an action still under way is told; the action type of returned direct debits; which action a payout itself has in the financial actions, and by what a rolling reserve that is released names the one that was held',
    },
  },
  secretHeaders: [],
  signatureHeader: [HEADER],
  checkSettings,
  checkSecret: (secret) =>
    /^[\x21-\x7e]{8,512}$/.test(secret) ? null : 'a signature key is one word of at least 8 characters',
  verify,
  identify,
  normalise,
  normaliserVersion: 1,
  api,
  settlements: [financialActions, settlementBreakdown, payouts],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['authorization_token', 'api_key', 'settlement_report']);
  const { authorization_token: token, settlement_report: report } = settings;
  if (report !== undefined && report !== 'financial_actions' && report !== 'settlement_breakdown') {
    const message = 'must be financial_actions or settlement_breakdown: the report that moves the money';
    faults.push({ path: '/settlement_report', message });
  }
  if (
    token !== undefined &&
    !(typeof token === 'string' && /^[\x20-\x7e]{1,512}$/.test(token) && token.trim() === token)
  ) {
    faults.push({
      path: '/authorization_token',
      message: 'must be the value of the Authorization header, as configured',
    });
  }
  if (settings.api_key !== undefined && !isApiKey(settings.api_key))
    faults.push({ path: '/api_key', message: 'must be a secret key that begins with sk_ or sk_sbox_' });
  if (settings.tolerance_s !== undefined) faults.push({ path: '/tolerance_s', message: 'Checkout.com signs no time' });
  return faults;
}
