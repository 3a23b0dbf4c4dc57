import { currencyExponent } from '../currency.ts';
import { formatMajor } from '../money.ts';
import type { ReplayView } from './replay-follow.ts';
import { moment, oneLine } from './table.ts';

type Change = ReplayView['changes'][number];
type Transaction = Change['before']['transactions'][number];

const SHOWN_MAX = 20;
const EXPONENT_UNKNOWN = 0;

/** A replay as people read it: what it is, how far, and the first of what it changed. */
export function replayText(view: ReplayView): string {
  const { dry_run: dryRun } = view;
  const facts: [string, string | null][] = [
    ['status', view.note === null ? view.status : `${view.status}: ${view.note}`],
    ['of', targetText(view)],
    ['asked by', `${view.actor}, ${moment(view.created_at)}: ${view.reason}`],
    [
      'events',
      view.total === null ? 'not counted yet' : `${view.done} of ${view.total}, ${view.rate} a second at most`,
    ],
    [dryRun ? 'would post' : 'posted', String(view.posted)],
    ['unchanged', String(view.unchanged)],
    [dryRun ? 'would wait' : 'deferred', view.deferred === 0 ? null : String(view.deferred)],
    [dryRun ? 'would fail' : 'failed', view.failed === 0 ? null : String(view.failed)],
  ];
  const lines = facts.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(12)}${oneLine(value)}`]));
  const head = dryRun ? `${view.id}  (dry run: nothing is posted)` : view.id;
  const changes = view.changes.slice(0, SHOWN_MAX).map(changeText);
  const told = view.posted + view.failed + view.deferred;
  const more = told > changes.length || view.changes.length > changes.length;
  return [
    head,
    ...lines,
    ...(changes.length === 0 ? [] : ['', ...changes]),
    ...(more ? [`\nThe first ${SHOWN_MAX} at most; all: GET /api/v1/replays/${view.id}/changes`] : []),
  ].join('\n');
}

/** Which events are meant. */
export function targetText({ event, filter }: Pick<ReplayView, 'event' | 'filter'>): string {
  if (event !== null) return `event ${event}`;
  return Object.entries(filter)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

/** `-` stands, `+` is what the rules have. */
function changeText({ event, outcome, before, after }: Change): string {
  const states = before.status === after.status ? before.status : `${before.status} → ${after.status}`;
  const why = [before.status === after.status ? null : before.reason, after.reason].filter((text) => text !== null);
  return [
    oneLine(`${event}  ${outcome}  ${states}${why.length === 0 ? '' : `  (${why.join(' → ')})`}`),
    ...before.transactions.flatMap((one) => transactionLines('-', one)),
    ...after.transactions.flatMap((one) => transactionLines('+', one)),
  ].join('\n');
}

function transactionLines(sign: string, { id, effect_key: key, kind, postings = [] }: Transaction): string[] {
  const about = [kind, key, id].filter((part) => part !== null).join('  ');
  const lines = postings.map(({ account, direction, amount, currency, reference, component }) => {
    const units = direction === 'debit' ? BigInt(amount) : -BigInt(amount);
    const shown = formatMajor(units, currencyExponent(currency) ?? EXPONENT_UNKNOWN).padStart(16);
    const item = [reference, component].filter((part) => part !== null).join(' ');
    return `  ${sign} ${shown} ${currency}  ${account}${item === '' ? '' : ` [${item}]`}`;
  });
  return [`  ${sign} ${about}`, ...lines].map(oneLine);
}
