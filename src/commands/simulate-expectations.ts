import { providers } from '../providers/index.ts';
import type { WebhookRequest } from '../providers/provider.ts';
import type { SimulatedTarget } from '../simulate/simulator.ts';
import { type ExplainedEvent, explainEvents } from './explain-events.ts';
import { table } from './table.ts';

/** What is to become of the events that one processor told. */
export type Expected = {
  events: number;
  posted: number;
  /** Tells no money, or none of its own. */
  no_effect: number;
  /** Waits for what the processor's webhooks do not say, and for `waits_for`. */
  deferred: number;
  dead: number;
  /** Why, of the first that waits. */
  waits_for: string | null;
};

/** Adds up, by processor, what the adapters make of what was sent: so that what waits in the end surprises nobody. */
export function createExpectations() {
  const byProvider = new Map<string, Expected>();

  function note(provider: string, request: WebhookRequest, target: SimulatedTarget, now: number): void {
    const none = { events: 0, posted: 0, no_effect: 0, deferred: 0, dead: 0, waits_for: null };
    const expected = byProvider.get(provider) ?? none;
    byProvider.set(provider, expected);
    for (const { status, reason } of expectedOf(provider, request, target, now)) {
      expected.events += 1;
      expected[status] += 1;
      if (status === 'deferred') expected.waits_for ??= reason;
    }
  }

  return { note, byProvider: byProvider as ReadonlyMap<string, Readonly<Expected>> };
}

/** The events of a request as the gateway would end them, if it has no key for the processor's API. */
export function expectedOf(
  provider: string,
  { headers, body }: WebhookRequest,
  { settings, account }: SimulatedTarget,
  now: number,
): readonly ExplainedEvent[] {
  const adapter = providers.get(provider);
  return adapter === undefined
    ? []
    : explainEvents({ provider: adapter, settings, account, headers, body, now }).events;
}

/** As lines for people. */
export function readableExpectations(byProvider: ReadonlyMap<string, Readonly<Expected>>): string {
  const rows = [...byProvider].sort(([a], [b]) => (a < b ? -1 : 1));
  const count = (title: string, of: (expected: Expected) => number) => ({
    title,
    of: ([, expected]: [string, Expected]) => String(of(expected)),
    right: true,
  });
  const lines = [
    'New events, and what is to become of them:\n',
    table<[string, Expected]>(
      [
        { title: 'PROCESSOR', of: ([provider]) => provider },
        count('EVENTS', ({ events }) => events),
        count('POST', ({ posted }) => posted),
        count('NO MONEY', ({ no_effect: none }) => none),
        count('WAIT', ({ deferred }) => deferred),
        ...(rows.some(([, { dead }]) => dead > 0) ? [count('DEAD', ({ dead }) => dead)] : []),
      ],
      rows,
    ),
  ];
  const waiting = rows.filter(([, { deferred }]) => deferred > 0);
  if (waiting.length > 0) {
    lines.push('\nWhat waits is no fault: its processor would be asked, and knows nothing of simulated payments.');
    lines.push(...waiting.map(([provider, { waits_for: reason }]) => `  ${provider}: ${plain(reason)}`));
    lines.push('See them: npx postern events list --status deferred');
  }
  return lines.join('\n');
}

/** Without the advice to set a key, which helps with real payments only. */
function plain(reason: string | null): string {
  return (reason ?? '').replace(/; set \w+ on the endpoint$/, '');
}
