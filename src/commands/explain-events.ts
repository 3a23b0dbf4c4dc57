import type { Endpoint } from '../endpoints/endpoint.ts';
import { assertNever } from '../errors.ts';
import { type Ending, interpret } from '../ingest/interpret.ts';
import { readEvents } from '../ingest/read-events.ts';
import type { Leg } from '../ledger/entry.ts';
import { type Draft, draftsOf, type Look } from '../ledger/rules.ts';
import type { EndpointSettings, Provider } from '../providers/provider.ts';
import { uuidText } from '../uuid.ts';

/** What the events of one webhook body would become, in the shape of `explain --json`. */
export type Explained = {
  readonly events: readonly ExplainedEvent[];
};

export type ExplainedEvent = {
  readonly event_id: string;
  readonly type: string;
  readonly status: 'posted' | 'no_effect' | 'deferred' | 'dead';
  readonly reason: string | null;
  readonly references: Readonly<Record<string, readonly string[]>>;
  readonly canonical: readonly ExplainedEffect[];
};

export type ExplainedEffect = {
  readonly type: string;
  readonly effect_key: string;
  /** ISO 8601. */
  readonly effective_at: string;
  readonly postings: readonly ExplainedPosting[];
  /** What the postings still depend on: only the books can tell. */
  readonly depends_on?: string;
};

export type ExplainedPosting = {
  readonly account: string;
  readonly direction: 'debit' | 'credit';
  readonly amount: string;
  readonly currency: string;
  readonly reference: string | null;
  readonly component: string | null;
};

export type ExplainRequest = {
  readonly provider: Provider;
  readonly settings: EndpointSettings;
  /** The processor account where the body names none. */
  readonly account: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body: Buffer;
  /** Unix ms. */
  readonly now: number;
};

/** The way an accepted event goes, without a database: identify, normalise, rules. Pure; signatures are not looked at. */
export function explainEvents({ provider, settings, account, headers, body, now }: ExplainRequest): Explained {
  const request = { method: 'POST', url: '', headers, body };
  const identified = provider.identify(request, settings);
  if (identified.kind === 'control') return { events: [] };
  const endpoint: Endpoint = { id: 0, provider, name: account, account, settings, disabled: false, secrets: [] };
  const events = readEvents(identified, request, endpoint, now).map((event): ExplainedEvent => {
    const about = { event_id: event.eventId, type: event.type };
    if (event.unreadable !== null) {
      return { ...about, status: 'dead', reason: `unreadable: ${event.unreadable}`, references: {}, canonical: [] };
    }
    const meaning = interpret(
      {
        id: uuidText(event.id),
        endpointId: 0,
        item: event.item,
        eventId: event.eventId,
        type: event.type,
        account: event.account,
        live: event.live,
        attempts: 0,
        reason: null,
        receivedAt: now,
        fetched: null,
        level: 'body',
        headers: JSON.stringify(headers),
        body,
      },
      endpoint,
    );
    const references = grouped(meaning.references);
    if (meaning.kind === 'end') return { ...about, ...endingOf(meaning.ending), references, canonical: [] };
    const books = { provider: provider.name, account: event.account, marketplace: meaning.marketplace };
    const drafts = new Map<string, Draft>();
    for (const effect of meaning.effects) {
      // What an effect implies stands under its own key: told twice, it posts once.
      for (const draft of draftsOf(effect, books)) if (!drafts.has(draft.key)) drafts.set(draft.key, draft);
    }
    const canonical = [...drafts.values()].map((draft) => effectOf(draft, books));
    return { ...about, status: 'posted', reason: null, references, canonical };
  });
  return { events };
}

function endingOf(ending: Ending): Pick<ExplainedEvent, 'status' | 'reason'> {
  switch (ending.status) {
    case 'posted':
    case 'no_effect':
      return { status: ending.status, reason: ending.reason };
    case 'deferred':
      return { status: 'deferred', reason: `waits for ${ending.waitingFor}: ${ending.reason}` };
    case 'dead':
      return { status: 'dead', reason: `${ending.code}: ${ending.message}` };
    default:
      return assertNever(ending);
  }
}

function effectOf(draft: Draft, { provider, account }: { provider: string; account: string }): ExplainedEffect {
  return {
    type: draft.kind,
    effect_key: `${provider}:${account}:${draft.key}`,
    effective_at: new Date(draft.at).toISOString(),
    postings: draft.legs.map(postingOf),
    ...(draft.look === null ? {} : { depends_on: DEPENDS_ON[draft.look.kind] }),
  };
}

const DEPENDS_ON: Readonly<Record<Look['kind'], string>> = {
  paid_out: 'posts again what only a report told and took back since',
  authorise: 'posts unless a final event of the payment came before',
  release: 'releases what the authorisation still holds, at most this',
  final: 'releases what the authorisation still holds',
  running_total: 'posts the increase over the highest total posted',
  assumed_capture: 'posts unless the payment has proved to be captured by hand',
  proves_manual: 'takes back the capture assumed before, if there is one',
  sold: 'its refunds are split between the seller and us as it is',
  undone: 'posts unless the payout came back under another name',
  fee_announced: 'takes back what settlement lines recognised of the fee before',
  fee_recognised: 'posts unless the fee was announced',
  split: "takes the seller's part as the payment was split, and waits for that payment",
};

function postingOf({ account, amount, currency, reference, component }: Leg): ExplainedPosting {
  const direction = amount < 0n ? 'credit' : 'debit';
  const magnitude = (amount < 0n ? -amount : amount).toString();
  return { account: account.path, direction, amount: magnitude, currency, reference, component };
}

function grouped(references: ReadonlyArray<{ kind: string; id: string }>): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { kind, id } of references) {
    const list = found[kind] ?? [];
    found[kind] = list.includes(id) ? list : [...list, id];
  }
  return found;
}
