import type { Label } from '../../src/simulate/world/label.ts';
import type { World } from '../../src/simulate/world/world.ts';

/** A discrepancy that is open. */
export type Found = {
  readonly class: string;
  readonly provider: string;
  readonly account: string;
  readonly reference: string;
  readonly component: string;
  readonly currency: string;
  readonly delta: string;
};

/** Labels beside what was found: for each class what was hit, missed and made up, and the sums of deltas. */
export type Score = {
  readonly classes: Readonly<Record<string, ClassScore>>;
  readonly missed: readonly string[];
  readonly surplus: readonly string[];
};

export type ClassScore = {
  hit: number;
  missed: number;
  surplus: number;
  /** Σ delta by currency, of labels that say one and of what was found for them. */
  readonly labelled: Record<string, bigint>;
  readonly found: Record<string, bigint>;
};

export function scoreOf(world: World, found: readonly Found[]): Score {
  const classes: Record<string, ClassScore> = {};
  const of = (name: string): ClassScore => {
    classes[name] ??= { hit: 0, missed: 0, surplus: 0, labelled: {}, found: {} };
    return classes[name];
  };
  const left = [...found];
  const missed: string[] = [];
  // What is fully told takes its own first, so that a label that leaves something open takes what is left.
  const labels = [...world.labels].sort((a, b) => openParts(a) - openParts(b));
  for (const label of labels) {
    const score = of(label.class);
    const at = left.findIndex((one) => fits(label, one));
    if (at === -1) {
      score.missed += 1;
      missed.push(`${label.fault}: ${textOf(label)}`);
      continue;
    }
    const [one] = left.splice(at, 1);
    score.hit += 1;
    if (label.delta === null || label.currency === null || one === undefined) continue;
    score.labelled[label.currency] = (score.labelled[label.currency] ?? 0n) + BigInt(label.delta);
    score.found[label.currency] = (score.found[label.currency] ?? 0n) + BigInt(one.delta);
  }
  const faults = new Map(world.labels.map((label) => [label.account, label.fault]));
  // Of a file each control that failed is told by itself: the first is what a label is about.
  const again = left.filter((one) => !OF_FILES.has(one.class) || !labels.some((label) => fits(label, one)));
  const surplus = again.map((one) => {
    of(one.class).surplus += 1;
    return `${faults.get(one.account) ?? '-'}: ${textOf(one)} ${one.component}`;
  });
  return { classes, missed, surplus };
}

const OF_FILES: ReadonlySet<string> = new Set(['file_total_mismatch', 'unparsed_line']);

const openParts = ({ reference, currency, delta }: Label): number =>
  [reference, currency, delta].filter((part) => part === null).length;

function fits(label: Label, one: Found): boolean {
  return (
    label.class === one.class &&
    label.provider === one.provider &&
    label.account === one.account &&
    (label.reference === null || label.reference === one.reference) &&
    (label.currency === null || label.currency === one.currency) &&
    (label.delta === null || label.delta === one.delta)
  );
}

function textOf({ class: name, account, reference, currency, delta }: Label | Found): string {
  return `${name} ${account} ${reference ?? '*'} ${currency ?? '*'} ${delta ?? '*'}`;
}

/** For people: a row a class. */
export function confusionMatrix({ classes, missed, surplus }: Score): string {
  const rows = Object.entries(classes)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, { hit, missed: m, surplus: s }]) => {
      const [precision, recall] = [share(hit, hit + s), share(hit, hit + m)];
      return `${name.padEnd(26)} ${String(hit).padStart(5)} ${String(m).padStart(7)} ${String(s).padStart(8)}  ${precision}  ${recall}`;
    });
  return [
    `${'class'.padEnd(26)}   hit  missed  surplus  precision  recall`,
    ...rows,
    ...missed.map((text) => `missed   ${text}`),
    ...surplus.map((text) => `surplus  ${text}`),
  ].join('\n');
}

const share = (part: number, of: number): string => (of === 0 ? '  –  ' : (part / of).toFixed(3));
