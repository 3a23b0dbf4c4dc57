import type { Abilities } from '../fit-life.ts';
import type { ToldEvent } from '../told-event.ts';
import type { AccountWorld } from './account-world.ts';
import type { Dialect } from './dialect.ts';
import type { Reported } from './edits.ts';
import type { Expected, Injection } from './fault.ts';
import { movementsOf } from './life-movements.ts';
import type { Shape } from './lives.ts';
import type { Movement } from './movement.ts';
import { bookedAt, type WorldAccount } from './world-account.ts';

/** A payment with nothing to it; `feeTold` as the fault needs it. */
export const plain = (feeTold: 'after' | 'never') => (): Shape => ({
  captures: null,
  captureFails: false,
  refunds: [],
  dispute: null,
  feeTold,
});

/** A payment of which a quarter was given back, where the processor tells refunds. */
export const partlyRefunded = ({ dialect, currency }: WorldAccount): Shape => ({
  ...plain('after')(),
  amount: 4_000n * currency.step,
  refunds: abilitiesOf(dialect).refunds === 'none' ? [] : [{ amount: 1_000n * currency.step, outcome: 'succeeded' }],
});

export const always = (): boolean => true;
export const nothing = (): readonly Expected[] => [];

/** Another currency of the same decimals. */
export const OTHER_CURRENCY: Readonly<Record<string, string>> = {
  EUR: 'USD',
  USD: 'EUR',
  GBP: 'EUR',
  JPY: 'KRW',
  KWD: 'BHD',
  INR: 'USD',
};

export const inCurrency =
  (from: string, to: string) =>
  (told: readonly ToldEvent[]): readonly ToldEvent[] =>
    told.map((event) => ({
      ...event,
      content: event.content
        .replaceAll(`"${from}"`, `"${to}"`)
        .replaceAll(`"${from.toLowerCase()}"`, `"${to.toLowerCase()}"`)
        .replaceAll(`>${from}<`, `>${to}<`),
    }));

export const chargeOf = (world: AccountWorld, number: number): Movement => movementNamed(world, number, 'capture0');

export function movementNamed(world: AccountWorld, number: number, name: string): Movement {
  const found = movementsOf(world.account, world.life(number)).find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`payment ${number} of ${world.account.name} has no ${name}`);
  return found;
}

export const tellsAmounts = ({ simulator }: Dialect): boolean => !['gocardless', 'klarna'].includes(simulator.provider);

/** Changes lines of one movement of the target. */
export function reported(
  { edits, number }: Injection,
  name: string,
  change: (movement: Movement) => readonly Reported[],
): void {
  edits.movements.set(`${number}:${name}`, change);
}

/** Something of no payment in a batch. */
export function besides(
  { account, edits }: Injection,
  told: Pick<Movement, 'kind' | 'name' | 'batch'> & Partial<Pick<Movement, 'gross' | 'fee' | 'half'>>,
): void {
  const { batch } = told;
  const at = bookedAt(account, batch);
  const made: Movement = { index: batch, life: null, reference: null, at, gross: 0n, fee: 0n, tax: 0n, ...told };
  edits.extras.set(batch, [...(edits.extras.get(batch) ?? []), made]);
}

export const shown = (...movements: readonly Movement[]): readonly Reported[] =>
  movements.map((movement) => ({ movement, shown: true }));

export const code = ({ account }: { readonly account: WorldAccount }): string => account.currency.code;
export const step = ({ account }: { readonly account: WorldAccount }): bigint => account.currency.step;

export function payoutOf(world: AccountWorld, batch: number) {
  const { payout } = world.report(batch);
  const { dialect } = world.account;
  return { payout: dialect.payoutReference(payout), batch: dialect.batchReference(payout), amount: payout.amount };
}

export const hasFees = ({ costs }: Dialect): boolean => costs !== 'batch';

export const abilitiesOf = ({ simulator, abilities }: Dialect): Abilities => ({ ...simulator.abilities, ...abilities });

export function canReturn({ simulator }: Dialect): boolean {
  return ['stripe', 'adyen'].includes(simulator.provider);
}

/** The first payment of a batch's own day. */
export function firstOf({ account, batch }: Injection): number {
  return (batch - 1) * account.calendar.livesPerDay + 1;
}

export function settledIn({ account }: Injection, movement: Movement, batch: number): Movement {
  return { ...movement, batch, at: bookedAt(account, batch) };
}
