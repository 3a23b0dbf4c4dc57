import { describe, expect, it } from 'vitest';
import { adyen } from '../../../src/providers/adyen/index.ts';
import { paypal } from '../../../src/providers/paypal/index.ts';
import type { EndpointSettings, Provider } from '../../../src/providers/provider.ts';
import { square } from '../../../src/providers/square/index.ts';
import { stripe } from '../../../src/providers/stripe/index.ts';
import { reportAccount } from '../../../src/reconcile/import/report-account.ts';

const NOBODY = { file: null, asked: null, announced: null };

function accountOf(
  provider: Provider,
  { account = 'main', ...settings }: EndpointSettings,
  named: Partial<typeof NOBODY | Record<keyof typeof NOBODY, string>>,
) {
  const own = account === 'main' ? settings : { ...settings, account };
  return reportAccount({ provider, name: 'main', account, settings: own }, { ...NOBODY, ...named });
}

describe('a report', () => {
  it.each([
    ['that names its account is of that one, as its webhooks are', adyen, {}, { file: 'ShopNL' }, 'ShopNL'],
    ['whose file and webhook differ is of the file’s', adyen, {}, { file: 'ShopNL', announced: 'Company' }, 'ShopNL'],
    ['that names none is of the webhook that announced it', square, {}, { announced: 'ML1' }, 'ML1'],
    ['of an account that is listed may be handed in', adyen, { accounts: ['A', 'B'] }, { asked: 'B' }, 'B'],
    ['of a connected account may be handed in', stripe, { account: 'acct_1' }, { asked: 'acct_2' }, 'acct_2'],
    ['of nobody in particular is of the endpoint’s account', square, { account: 'ML1' }, {}, 'ML1'],
    ['of a processor whose events name none is of the endpoint’s', paypal, {}, {}, 'main'],
    ['of a platform is of its own account', stripe, {}, {}, 'main'],
  ] as const)('%s', (_name, provider, settings, named, account) => {
    expect(accountOf(provider, settings, named)).toBe(account);
  });

  it.each([
    [
      'of another account than the endpoint’s',
      adyen,
      { account: 'ShopNL' },
      { file: 'ShopDE' },
      /of the account ShopDE.*adyen\/main is of ShopNL/,
    ],
    ['of an account that is not listed', adyen, { accounts: ['A', 'B'] }, { file: 'C' }, /of the account C.*A, B/],
    [
      'handed in for an account that is not the endpoint’s',
      paypal,
      {},
      { asked: 'other' },
      /no books of the account other/,
    ],
    ['that names none, where each event names its own', square, {}, {}, /set account on square\/main/],
    ['that names none, of an endpoint of two accounts', square, { accounts: ['A', 'B'] }, {}, /name it/],
  ] as const)('%s is refused', (_name, provider, settings, named, message) => {
    expect(() => accountOf(provider, settings, named)).toThrow(message);
  });
});
