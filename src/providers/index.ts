import { adyen } from './adyen/index.ts';
import { coinbaseCommerce } from './coinbase-commerce/index.ts';
import { hmacScheme } from './hmac/index.ts';
import { lemonsqueezy } from './lemonsqueezy/index.ts';
import { paddle } from './paddle/index.ts';
import { paypal } from './paypal/index.ts';
import type { Provider } from './provider.ts';
import { rfc9421 } from './rfc9421/index.ts';
import { shopify } from './shopify/index.ts';
import { square } from './square/index.ts';
import { standardWebhooks } from './standard-webhooks/index.ts';
import { stripe } from './stripe/index.ts';

/** Every processor there is an adapter for, by its name in `/webhooks/:provider/…`. A new one is a folder and a line here. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  [
    stripe,
    adyen,
    paypal,
    square,
    standardWebhooks,
    coinbaseCommerce,
    hmacScheme,
    lemonsqueezy,
    paddle,
    rfc9421,
    shopify,
  ].map((provider) => [provider.name, provider]),
);
