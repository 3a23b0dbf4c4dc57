import type { EndpointSettings } from '../providers/provider.ts';
import type { Abilities } from './fit-life.ts';
import type { LifeCurrency } from './life.ts';
import type { Random } from './random.ts';
import type { Teller } from './told-event.ts';

/** The address a simulated processor calls, with what it signs by. */
export type SimulatedTarget = {
  readonly url: string;
  /** What the processor signs with: the endpoint's secret, or the private half of what the endpoint knows. */
  readonly secret: string;
  readonly settings: EndpointSettings;
  /** The processor account named in bodies. */
  readonly account: string;
};

/** A body as it goes out, and the headers beside it. */
export type SignedBody = { readonly headers: ReadonlyArray<readonly [string, string]>; readonly body: Buffer };

export type Sign = (body: Buffer, target: SimulatedTarget, now: number) => SignedBody;

/** How a request is spoiled, so that no honest gateway takes it. */
export type Tampering = 'body' | 'signature' | 'unsigned' | 'stale';

/** How one processor is simulated: its words, its signature, and an endpoint that fits. */
export type Simulator = {
  readonly provider: string;
  readonly currencies: readonly LifeCurrency[];
  readonly abilities: Abilities;
  /** Tells a life that fits the abilities. */
  readonly tell: Teller;
  /** Of a processor that sends several events in one request. */
  readonly batch?: { readonly eventsMax: number; envelope(contents: readonly string[]): string };
  /** Every event of some lives goes, thin, to a second endpoint of the account too. */
  readonly sendsTwins?: true;
  /** The body and headers as the processor would send them. `now` in unix ms. */
  readonly sign: Sign;
  readonly keys: SharedSecret | KeyPair;
  settings(where: { readonly url: string; readonly account: string }): EndpointSettings;
  /** Forgeries that differ from those of `sign-request.ts`; `null`: the processor's scheme does not show them. */
  readonly forgeries?: Partial<Readonly<Record<Tampering, Forge | null>>>;
};

/** A request as an attacker would send it. `sign` is the processor's own. */
export type Forge = (body: Buffer, target: SimulatedTarget, now: number) => SignedBody;

/** The endpoint's secret signs; of `random`, so only for endpoints that exist to be tried. */
export type SharedSecret = { readonly kind: 'shared'; secret(random: Random): string };

/** The processor signs with a key nobody else has, so simulation makes one of its own each time, and keeps it nowhere. */
export type KeyPair = {
  readonly kind: 'pair';
  make(now: number): {
    /** What the endpoint knows of it as its secret, or in its settings. */
    readonly secret: string | null;
    readonly settings: EndpointSettings;
    readonly signsWith: string;
  };
};

/** What an endpoint that takes `simulator`'s traffic has, and what is signed with. */
export function simulatedEndpoint(
  simulator: Simulator,
  where: { readonly url: string; readonly account: string },
  { random, now }: { readonly random: Random; readonly now: number },
): { readonly secrets: readonly string[]; readonly target: SimulatedTarget } {
  const settings = simulator.settings(where);
  if (simulator.keys.kind === 'shared') {
    const secret = simulator.keys.secret(random);
    return { secrets: [secret], target: { ...where, secret, settings } };
  }
  const made = simulator.keys.make(now);
  return {
    secrets: made.secret === null ? [] : [made.secret],
    target: { ...where, secret: made.signsWith, settings: { ...settings, ...made.settings } },
  };
}

type SignHeaders = (
  request: { readonly body: Buffer; readonly url: string },
  secret: string,
  now: number,
  settings?: EndpointSettings,
) => Array<[string, string]>;

/** For processors whose signature is in headers only, as most adapters' `sign.ts` makes it. */
export function inHeaders(sign: SignHeaders): Sign {
  return (body, { url, secret, settings }, now) => ({ headers: sign({ body, url }, secret, now, settings), body });
}

/** The signature of another request: where the key itself cannot be spoiled. */
export function withSignatureOfAnother(sign: Sign): Forge {
  return (body, target, now) => ({ ...sign(Buffer.concat([body, Buffer.from(' ')]), target, now), body });
}
