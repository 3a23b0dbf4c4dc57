import { createRandom } from '../random.ts';
import { signRequest } from '../sign-request.ts';
import { type SimulatedTarget, simulatedEndpoint } from '../simulator.ts';
import type { ToldEvent } from '../told-event.ts';
import type { AccountWorld } from './account-world.ts';
import type { WorldAccount } from './world-account.ts';

/** An account's endpoint as a world has it: the same seed gives the same secret. Never for real money. */
export function worldTarget(account: WorldAccount): {
  readonly target: SimulatedTarget;
  readonly secret: string | null;
} {
  const { simulator } = account.dialect;
  const where = { url: `http://127.0.0.1:8080/webhooks/${simulator.provider}/${account.name}`, account: account.name };
  // Told, because webhooks of some processors name it and their reports do not.
  const settings = { ...simulator.settings(where), account: account.name, ...account.settings };
  // Who signs with a key pair makes it anew each time: its bytes would be others at every run.
  if (simulator.keys.kind === 'pair') return { target: { ...where, secret: '', settings }, secret: null };
  const { target } = simulatedEndpoint(simulator, where, { random: createRandom(`${account.seed}/secret`), now: 0 });
  return { target: { ...target, settings }, secret: target.secret };
}

/** The body an event goes out with, before it is signed. */
export const bodyOf = ({ dialect }: WorldAccount, { content }: ToldEvent): string =>
  dialect.simulator.batch?.envelope([content]) ?? content;

export type SignedEvent = {
  readonly at: number;
  readonly body: string;
  /** Null: signed by a key of nobody's but the processor's. */
  readonly headers: ReadonlyArray<readonly [string, string]> | null;
};

/** As it goes out: one processor packs what it signs. Unsigned where the key is nobody's but the processor's. */
export function sentBody(account: WorldAccount, event: ToldEvent): string {
  const body = bodyOf(account, event);
  const { target, secret } = worldTarget(account);
  if (secret === null) return body;
  const { provider } = account.dialect.simulator;
  return signRequest({ provider, body, tampering: null }, target, event.at).body.toString('utf8');
}

/** Every webhook of an account, signed at the moment it was first sent. */
export function* signedEvents(world: AccountWorld): Generator<SignedEvent> {
  const { account } = world;
  const { target, secret } = worldTarget(account);
  const { provider } = account.dialect.simulator;
  for (const event of world.events()) {
    const body = bodyOf(account, event);
    if (secret === null) yield { at: event.at, body, headers: null };
    else {
      const signed = signRequest({ provider, body, tampering: null }, target, event.at);
      yield { at: event.at, body: signed.body.toString('utf8'), headers: signed.headers };
    }
  }
}
