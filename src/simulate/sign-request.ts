import { providers } from '../providers/index.ts';
import type { WebhookRequest } from '../providers/provider.ts';
import type { SignedBody, SimulatedTarget, Simulator, Tampering } from './simulator.ts';
import { type PlannedRequest, simulatorOf } from './traffic.ts';

/** Older than every processor's window: Amazon Pay's is the longest, 15 days. */
const STALE_MS = 20 * 86_400_000;

/** A planned request as the processor would send it at `now` (unix ms), spoiled where the plan says so. Pure. */
export function signRequest(
  planned: Pick<PlannedRequest, 'provider' | 'body' | 'tampering'>,
  target: SimulatedTarget,
  now: number,
): WebhookRequest {
  const { provider, tampering } = planned;
  const simulator = simulatorOf(provider);
  const body = Buffer.from(planned.body);
  const signed =
    tampering === null ? simulator.sign(body, target, now) : forged(simulator, tampering, body, target, now);
  return { method: 'POST', url: target.url, ...signed };
}

function forged(
  simulator: Simulator,
  tampering: Tampering,
  body: Buffer,
  target: SimulatedTarget,
  now: number,
): SignedBody {
  const own = simulator.forgeries?.[tampering];
  if (own === null) throw new RangeError(`${simulator.provider} cannot tell "${tampering}"`);
  if (own !== undefined) return own(body, target, now);
  switch (tampering) {
    case 'body': {
      const signed = simulator.sign(body, target, now);
      return { ...signed, body: changeAnAmount(signed.body) };
    }
    case 'signature':
      return simulator.sign(body, { ...target, secret: anotherSecret(target.secret) }, now);
    case 'unsigned': {
      const signed = simulator.sign(body, target, now);
      const names = providers.get(simulator.provider)?.signatureHeader ?? [];
      return { ...signed, headers: signed.headers.filter(([name]) => !names.includes(name)) };
    }
    case 'stale':
      return simulator.sign(body, target, now - STALE_MS);
  }
}

/** The sixth character from the end is changed: key material in every format, never padding. */
function anotherSecret(secret: string): string {
  const at = secret.length - 6;
  return secret.slice(0, at) + (secret[at] === 'a' ? 'b' : 'a') + secret.slice(at + 1);
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
