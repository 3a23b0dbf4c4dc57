import type { Dialect } from './dialect.ts';
import { adyen } from './dialects/adyen.ts';
import { braintree } from './dialects/braintree.ts';
import { checkout } from './dialects/checkout.ts';
import { gocardless } from './dialects/gocardless.ts';
import { klarna } from './dialects/klarna.ts';
import { mollie } from './dialects/mollie.ts';
import { paypal } from './dialects/paypal.ts';
import { razorpay } from './dialects/razorpay.ts';
import { square } from './dialects/square.ts';
import { stripe } from './dialects/stripe.ts';
import { worldpay } from './dialects/worldpay.ts';

/** The processors whose settlement reports worlds can write. */
export const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  [stripe, adyen, paypal, square, checkout, mollie, razorpay, braintree, worldpay, klarna, gocardless].map(
    (dialect) => [dialect.simulator.provider, dialect],
  ),
);

export function dialectOf(provider: string): Dialect {
  const dialect = DIALECTS.get(provider);
  if (dialect === undefined)
    throw new RangeError(`no settlement reports of "${provider}" can be made; of ${[...DIALECTS.keys()].join(', ')}`);
  return dialect;
}
