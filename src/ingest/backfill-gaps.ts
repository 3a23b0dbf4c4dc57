import type { Endpoint } from '../endpoints/endpoint.ts';
import { PosternError } from '../errors.ts';
import type { Sql } from '../postgres/sql.ts';
import type { ListedEvent } from '../providers/provider.ts';
import { selectBrought, selectPostedKeys } from './backfill-store.ts';
import type { GroupRow } from './intake-store.ts';
import { meaningOf } from './same-money.ts';

/** A webhook may be on its way for a while before anybody would call it missing. */
export const GRACE_MS = 10 * 60_000;

type Missing = GroupRow & { readonly listed: ListedEvent };

/**
 * Which of the missing events are gaps: money that a webhook should have told over ten minutes ago, and that no other event
 * has told. A processor lists every type there is, and a webhook brings those it was asked to: that `charge.updated` is
 * missing means nothing where `charge.succeeded` came. Of events whose money only a fetch tells, the type decides.
 *
 * @throws PosternError `conflict` where the list is not of what the webhook brings.
 */
export async function findGaps(
  missing: readonly Missing[],
  recovered: readonly { readonly event: string }[],
  endpoint: Endpoint,
  sql: Sql,
  now: number,
): Promise<ReadonlySet<string>> {
  const brought = await selectBrought(sql, endpoint.id);
  refuseOthers(missing, endpoint, brought);
  const late = missing
    .filter(({ event, listed }) => listed.object !== true && (event.occurredAt ?? listed.at ?? now) <= now - GRACE_MS)
    .map((one) => ({ id: one.event.eventId, type: one.event.type, keys: effectKeysOf(one, endpoint) }));
  const posted = await selectPostedKeys(
    sql,
    late.flatMap(({ keys }) => keys ?? []),
    recovered.map(({ event }) => event),
  );
  return new Set(
    late
      .filter(({ keys, type }) => (keys === null ? brought.types.has(type) : keys.some((key) => !posted.has(key))))
      .map(({ id }) => id),
  );
}

/** Null where it takes more than the event to know. */
function effectKeysOf({ delivery, event }: Missing, endpoint: Endpoint): string[] | null {
  const told = { request: delivery, item: event.item, id: event.eventId, type: event.type, account: event.account };
  const meaning = meaningOf(told, endpoint);
  if (meaning?.kind === 'no_effect') return [];
  if (meaning?.kind !== 'effects') return null;
  return meaning.effects.map(({ key }) => `${endpoint.provider.name}:${event.account}:${key}`);
}

/**
 * Events that name no account would post under the endpoint's own. Where all that ever came are of other accounts, the key is
 * another account's too: its money, told by its own endpoint, would be counted twice. And where all that came is of a kind
 * that is not listed, everything listed would look as if it were missing.
 */
function refuseOthers(
  missing: readonly Missing[],
  endpoint: Endpoint,
  { accounts, types }: { readonly accounts: ReadonlySet<string>; readonly types: ReadonlySet<string> },
): void {
  const covers = endpoint.provider.api?.list?.covers;
  const [type] = types;
  if (covers !== undefined && type !== undefined && ![...types].some((one) => covers(one))) {
    throw new PosternError(
      'conflict',
      `what comes to this endpoint (${type}) is not what ${endpoint.provider.title} lists`,
    );
  }
  const [other] = accounts;
  if (other === undefined || accounts.has(endpoint.account)) return;
  if (!missing.some(({ event }) => event.account === endpoint.account)) return;
  throw new PosternError(
    'conflict',
    `the key lists events of its own account, and what came to this endpoint is of others (${other}): name them in "accounts"`,
  );
}
