import { sign as signAdyen, signItems } from '../providers/adyen/sign.ts';
import { sign as signPaypal } from '../providers/paypal/sign.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import { sign as signSquare } from '../providers/square/sign.ts';
import { sign as signStandardWebhooks } from '../providers/standard-webhooks/sign.ts';
import { sign as signStripe } from '../providers/stripe/sign.ts';
import { tellAdyen } from './adyen.ts';
import { CURRENCIES, type LifeCurrency } from './life.ts';
import { tellPaypal } from './paypal.ts';
import { HEX, type Random } from './random.ts';
import { tellSquare } from './square.ts';
import { SIMULATED_MAPPING, tellStandardWebhooks } from './standard-webhooks.ts';
import { tellStripe } from './stripe.ts';
import type { Teller } from './told-event.ts';

/** The address a simulated processor calls, with what it signs by. */
export type SimulatedTarget = {
  readonly url: string;
  /** The endpoint's secret; for PayPal the private key (PEM) of the simulated certificate. */
  readonly secret: string;
  readonly settings: EndpointSettings;
  /** The processor account named in bodies. */
  readonly account: string;
};

/** How one processor is simulated: its words, its signature, and an endpoint that fits. */
export type Simulator = {
  readonly provider: string;
  readonly currencies: readonly LifeCurrency[];
  /** How many events one request may carry. */
  readonly eventsMax: number;
  readonly tell: Teller;
  /** The body of one request: what the tellers told, in the processor's envelope. */
  envelope(contents: readonly string[]): string;
  /** The body and headers as the processor would send them. `now` in unix ms. */
  sign(body: Buffer, target: SimulatedTarget, now: number): { headers: Array<[string, string]>; body: Buffer };
  /** A secret of the processor's shape; of `random`, so only for endpoints that exist to be tried. */
  secret(random: Random): string;
  settings(url: string): EndpointSettings;
  /** Whether the signature covers a time, so that an old one is refused. */
  readonly signsTime: boolean;
};

const TEST: EndpointSettings = { mode: 'test' };

function only(contents: readonly string[]): string {
  return contents[0] ?? '';
}

const without = (...codes: string[]): readonly LifeCurrency[] => CURRENCIES.filter(({ code }) => !codes.includes(code));

type SignHeaders = typeof signStripe;

function headersBy(sign: SignHeaders): Simulator['sign'] {
  return (body, { url, secret, settings }, now) => ({ headers: sign({ body, url }, secret, now, settings), body });
}

export const simulators: ReadonlyMap<string, Simulator> = new Map(
  [
    {
      provider: 'stripe',
      currencies: CURRENCIES,
      eventsMax: 1,
      tell: tellStripe,
      envelope: only,
      sign: headersBy(signStripe),
      secret: (random: Random) => `whsec_${random.text(32)}`,
      settings: () => TEST,
      signsTime: true,
    },
    {
      provider: 'adyen',
      currencies: CURRENCIES,
      eventsMax: 3,
      tell: tellAdyen,
      envelope: (contents: readonly string[]) =>
        `{"live":"false","notificationItems":[${contents.map((item) => `{"NotificationRequestItem":${item}}`).join(',')}]}`,
      sign(body: Buffer, { url, secret, settings }: SimulatedTarget, now: number) {
        const signed = signItems(body, secret);
        return { headers: signAdyen({ body: signed, url }, secret, now, settings), body: signed };
      },
      secret: (random: Random) => random.text(64, HEX),
      settings: () => TEST,
      signsTime: false,
    },
    {
      provider: 'paypal',
      currencies: without('KWD'),
      eventsMax: 1,
      tell: tellPaypal,
      envelope: only,
      sign: headersBy((request, key, now, settings) => signPaypal(request, key, now, settings)),
      secret: () => '',
      settings: () => ({ ...TEST, webhook_id: 'SIMULATED0000000000' }),
      signsTime: true,
    },
    {
      provider: 'square',
      currencies: without('KWD'),
      eventsMax: 1,
      tell: tellSquare,
      envelope: only,
      sign: headersBy(signSquare),
      secret: (random: Random) => random.text(22),
      settings: (url: string) => ({ ...TEST, notification_url: url }),
      signsTime: false,
    },
    {
      provider: 'standard-webhooks',
      currencies: CURRENCIES,
      eventsMax: 1,
      tell: tellStandardWebhooks,
      envelope: only,
      sign: headersBy(signStandardWebhooks),
      secret: (random: Random) => `whsec_${Buffer.from(random.text(32)).toString('base64')}`,
      settings: () => ({ ...TEST, mapping: SIMULATED_MAPPING }),
      signsTime: true,
    },
  ].map((simulator): [string, Simulator] => [simulator.provider, simulator]),
);
