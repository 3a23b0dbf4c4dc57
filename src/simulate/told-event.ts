import { formatMajor } from '../money.ts';
import { type Life, moment } from './life.ts';

/** What a processor would send about one step of a life, before it is signed. */
export type ToldEvent = {
  /** Unix milliseconds: when the processor would send it first. */
  readonly at: number;
  /** `thin`: to the account's second endpoint. */
  readonly destination: 'main' | 'thin';
  /** The event as JSON text; Adyen: one notification item, Braintree: XML. */
  readonly content: string;
};

/** A life in a processor's own words, in the order in which it happens. Pure. */
export type Teller = (life: Life, account: string) => ToldEvent[];

/** The step of a life an event tells: its number from 1, and its moment (unix ms). */
export type Step = { readonly n: number; readonly at: number };
/** Tells the next event: what it holds, which may depend on its step. */
export type Tell = (content: (step: Step) => object | string) => void;

/** A teller of a processor that sends each event once: `story` tells one after the other. */
export function inSteps(story: (life: Life, tell: Tell, account: string) => void): Teller {
  return (life, account) => {
    const events: ToldEvent[] = [];
    story(
      life,
      (content) => {
        const n = events.length + 1;
        const at = moment(life, n);
        const made = content({ n, at });
        events.push({ at, destination: 'main', content: typeof made === 'string' ? made : JSON.stringify(made) });
      },
      account,
    );
    return events;
  };
}

/** As a JSON number with all its digits: what a JS number does not hold exactly is written as it stands (JSON.rawJSON). */
export function wireNumber(amount: bigint): number | object {
  const number = Number(amount);
  return Number.isSafeInteger(number) ? number : rawJson(String(amount));
}

/** ES2025, in Node since 22; TypeScript does not describe it yet. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => object };

/** In major units as a JSON number: of so few digits that its shortest decimal is the amount. */
export function majorNumber(life: Life, amount: bigint): number {
  return Number(majorText(life, amount));
}

export function majorText(life: Life, amount: bigint): string {
  return formatMajor(amount, life.exponent);
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Without a fraction: `2026-01-05T10:00:00Z`. */
export function isoSeconds(ms: number): string {
  return isoTime(ms).replace(/\.\d{3}Z$/, 'Z');
}

export function unixSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}
