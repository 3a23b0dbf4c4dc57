import type { Keyring } from '../encryption.ts';
import { openSettings } from '../endpoints/sealing.ts';
import { scheduleOf } from '../ingest/backfill-schedule.ts';
import { keyOf } from '../ingest/interpret.ts';
import type { Sql } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import { type Check, ok } from './doctor-check.ts';
import { type ListingRow, readListingEndpoints } from './doctor-store.ts';
import { oneLine } from './table.ts';

/** How many are named; the rest come when these are mended. */
const NAMED_MAX = 20;

/** An endpoint whose processor lists what it sent. */
export type Listing = {
  readonly id: number;
  /** `provider/name`. */
  readonly endpoint: string;
  readonly keySetting: string;
  readonly hasKey: boolean;
  /** Its owner did not set it to 0. */
  readonly wanted: boolean;
  readonly failure: { readonly error: string; readonly since: Date | null } | null;
};

export async function readListing(sql: Sql, keyring: Keyring): Promise<Listing[]> {
  const listing = [...providers.values()].filter(({ api }) => api?.list !== undefined);
  const rows = await readListingEndpoints(
    sql,
    listing.map(({ name }) => name),
  );
  return rows.flatMap((row) => listingOf(row, keyring));
}

function listingOf(row: ListingRow, keyring: Keyring): Listing[] {
  const provider = providers.get(row.provider);
  if (provider?.api === undefined) return [];
  let settings: EndpointSettings;
  try {
    settings = openSettings(keyring, row);
  } catch {
    // Under a key that is not ours: the gateway does not serve it either, and its log says so.
    return [];
  }
  if ((provider.api.list?.unlisted?.(settings) ?? null) !== null) return [];
  const hasKey = keyOf({ provider, settings }) !== null;
  const endpoint = `${row.provider}/${row.name}`;
  const wanted = settings.backfill_every_s !== 0;
  const failing = row.error !== null && scheduleOf({ provider, settings, disabled: false }) !== null;
  const failure = failing ? { error: row.error, since: row.since } : null;
  return [{ id: row.id, endpoint, keySetting: provider.api.keySetting, hasKey, wanted, failure }];
}

/** Endpoints that are to be compared with their processor and are not: what is missing of them, nobody sees. */
export function backfillsCheck(all: readonly Listing[]): Check {
  const name = 'backfills';
  const failing = all.flatMap((one) => (one.failure === null ? [] : [{ ...one, failure: one.failure }]));
  const named = failing.slice(0, NAMED_MAX);
  const [first] = named;
  if (first === undefined) return ok(name, 'no comparison with a processor fails');
  const keys = [...new Set(named.map(({ keySetting }) => keySetting))].join(' or ');
  return {
    name,
    status: 'warning',
    found: `not compared with their processor: ${named
      .map(({ endpoint, failure: { error, since } }) => {
        const until = since === null ? '' : ` since ${since.toISOString()}`;
        return `${endpoint}${until} (${oneLine(error)})`;
      })
      .join('; ')}${failing.length > named.length ? `; and ${failing.length - named.length} more` : ''}`,
    mend: `where the key is refused, set another as ${keys}: ${named
      .map(({ id, endpoint }) => `PATCH /api/v1/endpoints/${id} (${endpoint})`)
      .join(', ')}; whether it reads now: npx postern backfill --endpoint ${first.endpoint} --dry-run`,
  };
}

/** Right for whoever wants it so: without a key a webhook that never comes is missed by nobody. */
export function gapDetectionCheck(all: readonly Listing[]): Check {
  const name = 'gap_detection';
  const keyless = all.filter(({ hasKey, wanted }) => !hasKey && wanted);
  if (keyless.length === 0) return ok(name, 'every endpoint whose processor lists what it sent has a key to ask with');
  const keys = [...new Set(keyless.map(({ keySetting }) => keySetting))].join(' or ');
  const more = keyless.length > NAMED_MAX ? ` and ${keyless.length - NAMED_MAX} more` : '';
  return {
    name,
    status: 'info',
    found: `nothing tells whether webhooks are missing, for want of a key: ${keyless
      .slice(0, NAMED_MAX)
      .map(({ endpoint }) => endpoint)
      .join(', ')}${more}`,
    mend: `set ${keys} (PATCH /api/v1/endpoints/:id), or backfill_every_s to 0 where none is wanted`,
  };
}
