import { adyen } from './adyen.ts';
import { amazonPay } from './amazon-pay.ts';
import { braintree } from './braintree.ts';
import { checkout } from './checkout.ts';
import { coinbaseCommerce } from './coinbase-commerce.ts';
import { flutterwave } from './flutterwave.ts';
import { gocardless } from './gocardless.ts';
import { hmac } from './hmac.ts';
import { klarna } from './klarna.ts';
import { lemonsqueezy } from './lemonsqueezy.ts';
import { mollie } from './mollie.ts';
import { paddle } from './paddle.ts';
import { paypal } from './paypal.ts';
import { paystack } from './paystack.ts';
import { plaid } from './plaid.ts';
import { razorpay } from './razorpay.ts';
import { rfc9421 } from './rfc9421.ts';
import { shopify } from './shopify.ts';
import type { Simulator } from './simulator.ts';
import { square } from './square.ts';
import { standardWebhooks } from './standard-webhooks.ts';
import { stripe } from './stripe.ts';
import { wise } from './wise.ts';
import { worldpay } from './worldpay.ts';
import { xendit } from './xendit.ts';

/** Every processor there is, as `providers` has it, by name. A new one is a file and a line here. */
export const simulators: ReadonlyMap<string, Simulator> = new Map(
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
    hmac,
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
  ].map((simulator) => [simulator.provider, simulator]),
);
