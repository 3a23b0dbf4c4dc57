import { createHash } from 'node:crypto';
import { type Static, type TSchema, Type } from 'typebox';
import type { RecheckResult } from '../ingest/quarantine/recheck.ts';
import type { Rejection } from '../ingest/rejections.ts';
import { packCursor } from './paging.ts';
import type { QuarantineGroupRow, QuarantineItemRow, QuarantineRequestRow } from './quarantine-store.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: 'date-time' });

/** What a refusal most often means, and what to do; for a person on call. */
const WHAT_TO_DO: Readonly<Record<Rejection, string>> = {
  signature_mismatch: 'signed with another secret, or changed on the way: give the endpoint the secret, then recheck',
  no_secret: 'no secret of the endpoint was valid then: give it one, then recheck, naming it if its time began later',
  stale: 'signed too long ago or ahead: compare the clocks, or set tolerance_s, then recheck',
  signature_missing: 'nothing signs it: switch signing on at the processor; not kept where the header is missing',
  signature_malformed: 'the signature is none: a proxy may change headers, or somebody tries',
  certificate: 'its certificate is not to be trusted or could not be had: see the log, then recheck',
  unreadable: 'the body cannot be read, and its signature is inside: see what the processor sends',
  unsupported: 'a way of signing this release does not know: see docs/providers.md',
  empty_body: 'authentic, and nothing in it',
  too_large: 'over BODY_LIMIT, or no gzip: not kept',
  too_many_failures: 'over 64 KiB from a source that failed too often: not read',
  unknown_endpoint: 'to no endpoint of ours: compare the address set at the processor with "endpoint list"',
};

const ITEM = {
  id: Type.String(),
  provider: Type.String(),
  endpoint: Type.String(),
  received_at: Time,
  reason: Type.String({ description: 'why it was refused, as the adapter says' }),
  detail: Type.String(),
  bytes: Type.Integer({ description: 'of body and headers' }),
  source_ip: Type.String(),
};

export const QuarantineItemShape = Type.Object(ITEM);

export const QuarantineRequestShape = Type.Object({
  ...ITEM,
  what_to_do: Type.String(),
  method: Type.String(),
  url: Type.String({ description: 'as it was called' }),
  headers: Type.Array(Type.Array(Type.String()), { description: 'values of credentials as hmac-sha256:…' }),
  body_base64: Type.String({ description: 'nothing proves who sent it' }),
  body_sha256: Type.String(),
  kept_every: Type.Integer({ description: 'of its reason and hour every so many-th was kept' }),
});

export const QuarantineGroupShape = Type.Object({
  provider: Nullable(Type.String({ description: 'null: requests to no endpoint' })),
  endpoint: Nullable(Type.String()),
  reason: Type.String(),
  refused_24h: Type.Integer({ description: 'all that were refused, kept or not' }),
  held: Type.Integer({ description: 'in quarantine' }),
  bytes: Type.Integer(),
  kept_every: Type.Integer({ description: 'over 1: some hour was too many, and every so many-th of it was kept' }),
  first: Nullable(Time),
  last: Nullable(Time),
  what_to_do: Type.String(),
});

export const RecheckShape = Type.Object({
  provider: Type.String(),
  endpoint: Type.String(),
  dry_run: Type.Boolean(),
  secrets: Nullable(Type.Array(Type.String(), { description: 'named ones; null: those valid when each came' })),
  checked: Type.Integer(),
  authentic: Type.Integer({ description: 'requests with events that verify now' }),
  taken_in: Type.Integer({ description: 'of those, left the quarantine for the queue; 0 in a dry run' }),
  empty: Type.Integer({ description: 'requests that verify and bring no event' }),
  events: Type.Object(
    { new: Type.Integer(), duplicates: Type.Integer(), conflicts: Type.Integer() },
    { description: 'what the authentic ones brought; in a dry run: would bring' },
  ),
  refused: Type.Array(
    Type.Object({
      reason: Type.String(),
      requests: Type.Integer(),
      example: Type.String({ description: 'the id of one' }),
      detail: Type.String({ description: 'what that one lacks' }),
      what_to_do: Type.String(),
    }),
  ),
  left: Type.Integer({ description: 'in quarantine of this endpoint now' }),
  next_cursor: Nullable(Type.String({ description: 'set where time ran out: call again with it' })),
});

export function quarantineItemView(row: QuarantineItemRow): Static<typeof QuarantineItemShape> {
  const { id, provider, endpoint, received_at: at, reason, detail, bytes, source_ip } = row;
  return { id, provider, endpoint, received_at: at.toISOString(), reason, detail, bytes, source_ip };
}

export function quarantineRequestView(row: QuarantineRequestRow): Static<typeof QuarantineRequestShape> {
  return {
    ...quarantineItemView(row),
    what_to_do: whatToDo(row.reason),
    method: row.method,
    url: row.origin + row.path,
    // `as`: written by us, as text.
    headers: JSON.parse(row.headers) as string[][],
    body_base64: row.body.toString('base64'),
    body_sha256: createHash('sha256').update(row.body).digest('hex'),
    kept_every: row.kept_every,
  };
}

export function quarantineGroupView(row: QuarantineGroupRow): Static<typeof QuarantineGroupShape> {
  return {
    provider: row.provider,
    endpoint: row.endpoint,
    reason: row.reason,
    refused_24h: Number(row.refused),
    held: Number(row.held),
    bytes: Number(row.bytes),
    kept_every: row.kept_every,
    first: row.first?.toISOString() ?? null,
    last: row.last?.toISOString() ?? null,
    what_to_do: whatToDo(row.reason),
  };
}

export function recheckView(
  result: RecheckResult,
  asked: { readonly dryRun: boolean; readonly secrets: readonly string[] | null },
): Static<typeof RecheckShape> {
  const { endpoint, events } = result;
  return {
    provider: endpoint.provider.name,
    endpoint: endpoint.name,
    dry_run: asked.dryRun,
    secrets: asked.secrets === null ? null : [...asked.secrets],
    checked: result.checked,
    authentic: result.authentic,
    taken_in: asked.dryRun ? 0 : result.authentic,
    empty: result.empty,
    events: { new: events.stored, duplicates: events.duplicates, conflicts: events.conflicts },
    refused: result.refused.map((one) => ({ ...one, what_to_do: whatToDo(one.reason) })),
    left: result.left,
    next_cursor: result.after === null ? null : packCursor([result.after]),
  };
}

function whatToDo(reason: string): string {
  return Object.entries(WHAT_TO_DO).find(([name]) => name === reason)?.[1] ?? 'see the detail';
}
