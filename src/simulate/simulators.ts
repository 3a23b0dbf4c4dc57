import { adyen } from './adyen.ts';
import { checkout } from './checkout.ts';
import { coinbaseCommerce } from './coinbase-commerce.ts';
import { hmac } from './hmac.ts';
import { paddle } from './paddle.ts';
import { paypal } from './paypal.ts';
import { paystack } from './paystack.ts';
import { razorpay } from './razorpay.ts';
import { rfc9421 } from './rfc9421.ts';
import type { Simulator } from './simulator.ts';
import { square } from './square.ts';
import { standardWebhooks } from './standard-webhooks.ts';
import { stripe } from './stripe.ts';

/** Every processor there is, as `providers` has it, by name. A new one is a file and a line here. */
export const simulators: ReadonlyMap<string, Simulator> = new Map(
  [
    stripe,
    adyen,
    paypal,
    square,
    standardWebhooks,
    checkout,
    coinbaseCommerce,
    hmac,
    paddle,
    paystack,
    razorpay,
    rfc9421,
  ].map((simulator) => [simulator.provider, simulator]),
);
