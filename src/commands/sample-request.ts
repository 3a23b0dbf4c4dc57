import { sign } from '../providers/stripe/sign.ts';
import { SAMPLE } from './first-start.ts';

export type SampleRequest = {
  readonly url: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: string;
};

const SHOWN_HEADERS = ['content-type', 'stripe-signature'];

/** A charge of EUR 10.00 in test mode as Stripe would send it, signed for `now` (unix ms). */
export function sampleRequest({ url, secret, now }: { url: string; secret: string; now: number }): SampleRequest {
  const id = now.toString(36);
  const created = Math.floor(now / 1_000);
  const charge = {
    id: `ch_sample_${id}`,
    object: 'charge',
    amount: 1000,
    amount_captured: 1000,
    amount_refunded: 0,
    captured: true,
    paid: true,
    status: 'succeeded',
    currency: 'eur',
    created,
    livemode: false,
    payment_intent: `pi_sample_${id}`,
  };
  const body = JSON.stringify({
    id: `evt_sample_${id}`,
    object: 'event',
    api_version: '2025-09-30.clover',
    created,
    type: 'charge.succeeded',
    livemode: false,
    data: { object: charge },
  });
  const target = `${url}/webhooks/${SAMPLE.provider}/${SAMPLE.name}`;
  const headers = sign({ body: Buffer.from(body), url: target }, secret, now);
  return { url: target, headers: headers.filter(([name]) => SHOWN_HEADERS.includes(name)), body };
}

/** The request as a command for a POSIX shell. The body holds no single quote: it goes out byte for byte as signed. */
export function sampleCurl({ url, headers, body }: SampleRequest): string {
  const parts = [
    `curl -sS '${url}'`,
    ...headers.map(([name, value]) => `-H '${name}: ${value}'`),
    `--data-binary '${body}'`,
  ];
  return parts.map((part, n) => (n === 0 ? `  ${part}` : `    ${part}`)).join(' \\\n');
}
