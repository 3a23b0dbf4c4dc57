import type { WebhookRequest } from '../providers/provider.ts';
import type { SimulatedTarget, Simulator } from './simulators.ts';
import { type PlannedRequest, simulatorOf, type Tampering } from './traffic.ts';

/** Older than every processor's window: PayPal's is the longest, four days. */
const STALE_MS = 6 * 86_400_000;

/** A planned request as the processor would send it at `now` (unix ms), spoiled where the plan says so. Pure. */
export function signRequest(
  planned: Pick<PlannedRequest, 'provider' | 'body' | 'tampering'>,
  target: SimulatedTarget,
  now: number,
): WebhookRequest {
  const simulator = simulatorOf(planned.provider);
  const { tampering } = planned;
  const signed = simulator.sign(
    Buffer.from(planned.body),
    byWhom(simulator, target, tampering),
    tampering === 'stale' ? now - STALE_MS : now,
  );
  const request = { method: 'POST', url: target.url, headers: signed.headers, body: signed.body };
  if (tampering === 'body') return { ...request, body: changeAnAmount(signed.body) };
  return tampering === 'unsigned' ? withoutSignature(request) : request;
}

/** Another secret than the endpoint's; PayPal has none of ours, there it is another webhook id. */
function byWhom(simulator: Simulator, target: SimulatedTarget, tampering: Tampering | null): SimulatedTarget {
  if (tampering !== 'signature') return target;
  if (simulator.provider === 'paypal')
    return { ...target, settings: { ...target.settings, webhook_id: 'ANOTHERWEBHOOK0000' } };
  const { secret } = target;
  // The sixth character from the end: key material in every format, never padding.
  const at = secret.length - 6;
  return { ...target, secret: secret.slice(0, at) + (secret[at] === 'a' ? 'b' : 'a') + secret.slice(at + 1) };
}

/** One digit of money more or less: the forgery that pays. Inside the signature with every processor. */
function changeAnAmount(body: Buffer): Buffer {
  const text = body.toString('utf8');
  const changed = text.replace(
    /("(?:value|amount)": ?"?\d*)(\d)/,
    (_, before: string, digit: string) => `${before}${(Number(digit) + 1) % 10}`,
  );
  // A body without money (a thin event): white space is signed too.
  return Buffer.from(changed === text ? `${text} ` : changed);
}

const SIGNATURES = [
  'stripe-signature',
  'paypal-transmission-sig',
  'x-square-hmacsha256-signature',
  'webhook-signature',
];

function withoutSignature(request: WebhookRequest): WebhookRequest {
  const text = request.body.toString('utf8').replaceAll(/,"hmacSignature":"[^"]*"/g, '');
  return {
    ...request,
    headers: request.headers.filter(([name]) => !SIGNATURES.includes(name)),
    body: Buffer.from(text),
  };
}
