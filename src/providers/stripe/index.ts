import { plainAcknowledgement } from '../acknowledgement.ts';
import { commonSettingFaults } from '../common-settings.ts';
import type { EndpointSettings, Provider, SettingFault } from '../provider.ts';
import { api } from './api.ts';
import { balanceDay } from './balance-day.ts';
import { payoutTransactions } from './balance-settlement.ts';
import { balanceSummary } from './balance-summary.ts';
import { normalise } from './events.ts';
import { identify } from './identify.ts';
import { balanceChange, endingBalance, payoutReconciliation, payouts } from './settlement-reports.ts';
import { verify } from './webhook.ts';

const SECRET_CHARS_MAX = 200;
const API_KEY = /^[rs]k_[A-Za-z0-9_]{8,250}$/;

export const stripe: Provider = {
  name: 'stripe',
  title: 'Stripe',
  facts: {
    // Live events are tried for 3 days; a manual resend works for 30. docs.stripe.com/webhooks#retries
    retryHorizonHours: 72,
    // A rolled secret stays valid for up to 24 hours, and attempts are signed anew (docs.stripe.com/webhooks#roll-endpoint-secrets).
    rotationOverlapHours: 24,
    dedupHorizonDays: 35,
    documentation: [
      'https://docs.stripe.com/webhooks',
      'https://docs.stripe.com/webhooks/signature',
      'https://docs.stripe.com/api/events',
      'https://docs.stripe.com/currencies',
      'https://docs.stripe.com/event-destinations',
    ],
    matrix: {
      signature: '`Stripe-Signature`: HMAC-SHA256 over `t.body`, `v1` only',
      freshness: '300 s either way',
      secret: '`whsec_…` as text',
      eventId: '`evt_…`',
      trust: 'body',
      account: "`account` (Connect), else the endpoint's",
      captured:
        'charge (running total of `amount_captured`); charge.captured is the last of several, or payment_intent.succeeded',
      currencies: 'minor units; ISK, UGX sent × 100; HUF, TWD payouts; MGA without decimals',
      settlement: 'payout reconciliation and balance change itemised CSV; balance transactions',
      answer: '200 `{"received":true}`',
    },
  },
  secretHeaders: [],
  signatureHeader: ['stripe-signature'],
  checkSettings,
  checkSecret: (secret) => {
    if (/\s/.test(secret)) return 'the secret holds a blank: it was copied with its surroundings';
    if (/^[spr]k_/.test(secret))
      return 'this is an API key; the signing secret of the webhook endpoint begins with whsec_';
    if (!/^whsec_.{8,}$/.test(secret)) return "a Stripe endpoint's signing secret begins with whsec_";
    return secret.length > SECRET_CHARS_MAX ? `the secret is over ${SECRET_CHARS_MAX} characters` : null;
  },
  verify,
  identify,
  namesAccount: 'sometimes',
  normalise,
  normaliserVersion: 2,
  api,
  settlements: [
    payoutReconciliation,
    payoutTransactions,
    balanceDay,
    balanceChange,
    payouts,
    endingBalance,
    balanceSummary,
  ],
  acknowledge: plainAcknowledgement,
};

function checkSettings(settings: EndpointSettings): readonly SettingFault[] {
  const faults = commonSettingFaults(settings, ['api_key']);
  const { api_key: key, mode } = settings;
  if (key === undefined) return faults;
  if (typeof key !== 'string' || !API_KEY.test(key)) {
    faults.push({ path: '/api_key', message: 'must be a secret or restricted key: sk_… or rk_…' });
  } else if (mode !== undefined && /_(live|test)_/.test(key) && !key.includes(`_${mode}_`)) {
    faults.push({ path: '/api_key', message: `is of the other mode than "${mode}"` });
  }
  return faults;
}
