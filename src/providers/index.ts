import { adyen } from './adyen/index.ts';
import { amazonPay } from './amazon-pay/index.ts';
import { braintree } from './braintree/index.ts';
import { checkout } from './checkout/index.ts';
import { gocardless } from './gocardless/index.ts';
import { klarna } from './klarna/index.ts';
import { paypal } from './paypal/index.ts';
import { plaid } from './plaid/index.ts';
import type { Provider } from './provider.ts';
import { square } from './square/index.ts';
import { standardWebhooks } from './standard-webhooks/index.ts';
import { stripe } from './stripe/index.ts';
import { wise } from './wise/index.ts';
import { worldpay } from './worldpay/index.ts';

/** Every processor there is an adapter for, by its name in `/webhooks/:provider/…`. A new one is a folder and a line here. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  [
    stripe,
    adyen,
    paypal,
    square,
    standardWebhooks,
    amazonPay,
    braintree,
    checkout,
    gocardless,
    klarna,
    plaid,
    wise,
    worldpay,
  ].map((provider) => [provider.name, provider]),
);
