import { adyen } from './adyen/index.ts';
import { amazonPay } from './amazon-pay/index.ts';
import { braintree } from './braintree/index.ts';
import { checkout } from './checkout/index.ts';
import { coinbaseCommerce } from './coinbase-commerce/index.ts';
import { flutterwave } from './flutterwave/index.ts';
import { gocardless } from './gocardless/index.ts';
import { hmacScheme } from './hmac/index.ts';
import { klarna } from './klarna/index.ts';
import { lemonsqueezy } from './lemonsqueezy/index.ts';
import { mollie } from './mollie/index.ts';
import { paddle } from './paddle/index.ts';
import { paypal } from './paypal/index.ts';
import { paystack } from './paystack/index.ts';
import { plaid } from './plaid/index.ts';
import type { Provider } from './provider.ts';
import { razorpay } from './razorpay/index.ts';
import { rfc9421 } from './rfc9421/index.ts';
import { shopify } from './shopify/index.ts';
import { square } from './square/index.ts';
import { standardWebhooks } from './standard-webhooks/index.ts';
import { stripe } from './stripe/index.ts';
import { wise } from './wise/index.ts';
import { worldpay } from './worldpay/index.ts';
import { xendit } from './xendit/index.ts';

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
    coinbaseCommerce,
    flutterwave,
    gocardless,
    hmacScheme,
    klarna,
    lemonsqueezy,
    mollie,
    paddle,
    paystack,
    plaid,
    razorpay,
    rfc9421,
    shopify,
    wise,
    worldpay,
    xendit,
  ].map((provider) => [provider.name, provider]),
);
