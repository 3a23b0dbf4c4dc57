import type pg from 'pg';
import { insertAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import { type Fault, PosternError } from '../errors.ts';
import { sqlOf, type Tx, withTransaction } from '../postgres/sql.ts';
import type { EndpointSettings, Provider } from '../providers/provider.ts';
import { withoutAccount } from '../providers/reconciliation-settings.ts';
import { rotationOverlapMs } from '../providers/rotation-overlap.ts';
import { settlementModeFaults } from '../providers/settlement-modes.ts';
import { uuidv7 } from '../uuid.ts';
import { mergeSettings, splitCredentials, withoutCredentials } from './credential-settings.ts';
import {
  announceEndpoints,
  deleteEndpoint,
  deleteSecret,
  type EndpointRow,
  endSecrets,
  hasBooks,
  hasEvents,
  insertEndpoint,
  insertSecret,
  lockEndpoint,
  SECRETS_MAX,
  type SecretRow,
  selectEndpoint,
  selectEndpoints,
  selectSecrets,
  updateEndpoint,
} from './endpoint-store.ts';
import type { ProviderLookup } from './registry.ts';
import { openSettings, sealCredentials, sealSecret } from './sealing.ts';
import { type SecretIdleness, secretIdleness } from './secret-idleness.ts';
import { refuseRemoval } from './secret-removal.ts';

/** An endpoint as it may be shown: credentials as `(set)`, secrets as what is known about them. */
export type ShownEndpoint = {
  readonly id: number;
  readonly provider: string;
  readonly name: string;
  readonly disabled: boolean;
  readonly settings: Record<string, unknown>;
  readonly secrets: readonly ShownSecret[];
  /** How long an old secret of this provider's stays good when one is rolled. */
  readonly rotationOverlapMs: number;
};

export type ShownSecret = Omit<SecretRow, 'endpoint_id' | 'sealed' | 'created_at'> & SecretIdleness;

/** Times are unix milliseconds; null is without that end. */
export type NewSecret = {
  readonly secret: string;
  readonly notBefore?: number | null;
  readonly notAfter?: number | null;
};

export type NewEndpoint = {
  readonly provider: string;
  readonly name: string;
  readonly settings?: EndpointSettings;
  readonly secrets?: readonly NewSecret[];
  readonly disabled?: boolean;
};

export type EndpointPatch = { readonly settings?: Readonly<Record<string, unknown>>; readonly disabled?: boolean };

export type EndpointService = ReturnType<typeof createEndpointService>;

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/**
 * Changes to endpoints and their secrets: checked by the provider, encrypted, in the audit log and announced, all in one
 * transaction. Throws `invalid_request`, `not_found`, `conflict`.
 */
export function createEndpointService(parts: {
  readonly pool: pg.Pool;
  readonly providers: ProviderLookup;
  readonly keyring: Keyring;
  readonly clock: Clock;
}) {
  const { clock, keyring, pool, providers } = parts;
  const sql = sqlOf(pool);

  async function list(page: { after: number; limit: number }): Promise<ShownEndpoint[]> {
    const rows = await selectEndpoints(sql, page);
    const secrets = Map.groupBy(
      await selectSecrets(
        sql,
        rows.map((row) => row.id),
      ),
      (row) => row.endpoint_id,
    );
    return rows.map((row) => shown(row, secrets.get(row.id) ?? []));
  }

  async function get(id: number): Promise<ShownEndpoint> {
    const row = await selectEndpoint(sql, id);
    if (row === undefined) throw notFound(id);
    return shown(row, await selectSecrets(sql, [id]));
  }

  async function create(endpoint: NewEndpoint, actor: string): Promise<ShownEndpoint> {
    const provider = providers.get(endpoint.provider);
    const settings = endpoint.settings ?? {};
    const secrets = endpoint.secrets ?? [];
    refuse([
      ...(provider === undefined ? [{ path: '/provider', message: 'there is no such provider' }] : []),
      ...(NAME.test(endpoint.name)
        ? []
        : [
            {
              path: '/name',
              message: 'must be 1 to 64 of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit',
            },
          ]),
      ...(provider === undefined ? [] : settingFaults(provider, settings)),
      ...(provider === undefined
        ? []
        : secrets.flatMap((secret, index) => secretFaults(provider, secret, `/secrets/${index}`))),
      ...(secrets.length > SECRETS_MAX ? [{ path: '/secrets', message: `at most ${SECRETS_MAX} secrets` }] : []),
    ]);
    const { clear, credentials } = splitCredentials(settings);
    const account = accountOf(settings, endpoint.name);
    const id = await withTransaction(pool, async (tx) => {
      const made = await insertEndpoint(tx, {
        provider: endpoint.provider,
        name: endpoint.name,
        account,
        settings: clear,
      });
      if (made === undefined) {
        throw new PosternError('conflict', `the endpoint ${endpoint.provider}/${endpoint.name} is there already`);
      }
      // Sealed after the insert: the id is part of what is authenticated.
      if (credentials !== null || endpoint.disabled === true) {
        const sealed = sealCredentials(keyring, made, credentials);
        await updateEndpoint(tx, { id: made, account, settings: clear, sealed, disabled: endpoint.disabled ?? false });
      }
      for (const secret of secrets) await addSecretRow(tx, made, secret);
      await noted(tx, actor, 'endpoint.create', made, {
        provider: endpoint.provider,
        name: endpoint.name,
        settings: withoutCredentials(settings),
        secrets: secrets.length,
      });
      return made;
    });
    return get(id);
  }

  async function patch(id: number, change: EndpointPatch, actor: string): Promise<ShownEndpoint> {
    await withTransaction(pool, async (tx) => {
      const row = await lockEndpoint(tx, id);
      if (row === undefined) throw notFound(id);
      const before = openSettings(keyring, row);
      const settings = mergeSettings(before, change.settings ?? {});
      const provider = providers.get(row.provider);
      if (provider !== undefined) refuse(settingFaults(provider, settings, before));
      const account = accountOf(settings, row.name);
      // Events that name their account are not of the endpoint's, so only a report can have posted there.
      const isUsed = (): Promise<boolean> =>
        provider?.namesAccount === 'always' ? hasBooks(tx, row.provider, row.account) : hasEvents(tx, id);
      if (account !== row.account && (await isUsed())) {
        // Its postings stand under the old account: the same refund under the new one would post again.
        throw new PosternError(
          'conflict',
          'the account cannot change once the endpoint has events or reports: make another endpoint',
        );
      }
      const { clear, credentials } = splitCredentials(settings);
      const disabled = change.disabled ?? row.disabled;
      await updateEndpoint(tx, {
        id,
        account,
        settings: clear,
        sealed: sealCredentials(keyring, id, credentials),
        disabled,
      });
      await noted(tx, actor, 'endpoint.update', id, {
        ...(change.settings === undefined ? {} : { settings: withoutCredentials(change.settings) }),
        ...(change.disabled === undefined ? {} : { disabled: change.disabled }),
      });
    });
    return get(id);
  }

  async function remove(id: number, actor: string): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const row = await lockEndpoint(tx, id);
      if (row === undefined) throw notFound(id);
      if (await hasEvents(tx, id)) {
        throw new PosternError('conflict', 'the endpoint has events and stays for them: set "disabled" instead');
      }
      await deleteEndpoint(tx, id);
      await noted(tx, actor, 'endpoint.delete', id, { provider: row.provider, name: row.name });
    });
  }

  /** Beside the old ones, which end `overlapMs` after this one is good; null: they stay as they are. */
  async function addSecret(
    id: number,
    secret: NewSecret,
    actor: string,
    overlapMs: number | null = null,
  ): Promise<ShownSecret> {
    const secretId = await withTransaction(pool, async (tx) => {
      const row = await lockEndpoint(tx, id);
      if (row === undefined) throw notFound(id);
      const provider = providers.get(row.provider);
      if (provider !== undefined) refuse(secretFaults(provider, secret, ''));
      if ((await selectSecrets(tx, [id])).length >= SECRETS_MAX) {
        throw new PosternError('conflict', `the endpoint has ${SECRETS_MAX} secrets: delete one that is idle`);
      }
      const made = await addSecretRow(tx, id, secret);
      if (overlapMs !== null) {
        // Not sooner than the new one begins: in between nothing would verify.
        const begins = Math.max(clock.now(), secret.notBefore ?? 0);
        await endSecrets(tx, id, made, new Date(begins + overlapMs));
      }
      await noted(tx, actor, overlapMs === null ? 'secret.create' : 'secret.rotate', id, { secret_id: made });
      return made;
    });
    const made = (await get(id)).secrets.find((shownOne) => shownOne.id === secretId);
    if (made === undefined) throw notFound(id);
    return made;
  }

  async function rotate(id: number, secret: string, overlapMs: number, actor: string): Promise<ShownSecret> {
    return addSecret(id, { secret }, actor, overlapMs);
  }

  /** `careful`: throws `conflict` where a request might still need it. */
  async function removeSecret(
    id: number,
    secretId: string,
    actor: string,
    { careful = false }: { careful?: boolean } = {},
  ): Promise<void> {
    await withTransaction(pool, async (tx) => {
      const row = await lockEndpoint(tx, id);
      if (row === undefined) throw notFound(id);
      if (careful) refuseRemoval(shown(row, await selectSecrets(tx, [id])), secretId);
      if (!(await deleteSecret(tx, id, secretId))) {
        throw new PosternError('not_found', `endpoint ${id} has no secret ${secretId}`);
      }
      await noted(tx, actor, 'secret.delete', id, { secret_id: secretId });
    });
  }

  async function addSecretRow(tx: Tx, endpointId: number, secret: NewSecret): Promise<string> {
    const id = uuidv7(clock.now());
    await insertSecret(tx, {
      id,
      endpointId,
      sealed: sealSecret(keyring, id, secret.secret),
      notBefore: secret.notBefore == null ? null : new Date(secret.notBefore),
      notAfter: secret.notAfter == null ? null : new Date(secret.notAfter),
      createdAt: new Date(clock.now()),
    });
    return id;
  }

  async function noted(
    tx: Tx,
    actor: string,
    action: string,
    id: number,
    details: Record<string, unknown>,
  ): Promise<void> {
    await insertAudit(tx, { actor, action, subject: `endpoint:${id}`, details });
    await announceEndpoints(tx);
  }

  function shown(row: EndpointRow, secrets: readonly SecretRow[]): ShownEndpoint {
    const provider = providers.get(row.provider);
    const overlapMs = rotationOverlapMs(provider?.facts ?? { retryHorizonHours: 0 });
    const idleness = secretIdleness(secrets, overlapMs, clock.now());
    return {
      id: row.id,
      provider: row.provider,
      name: row.name,
      disabled: row.disabled,
      settings: withoutCredentials(openSettings(keyring, row)),
      secrets: secrets.map((secret) => shownSecret(secret, idleness.get(secret.id))),
      rotationOverlapMs: overlapMs,
    };
  }

  return { list, get, create, patch, remove, addSecret, rotate, removeSecret };
}

/** Whose events and reports are, where they do not say so themselves. */
function accountOf({ account, accounts }: EndpointSettings, name: string): string {
  const [only, ...others] = accounts ?? [];
  return account ?? (only !== undefined && others.length === 0 ? only : name);
}

function settingFaults(provider: Provider, settings: EndpointSettings, before: EndpointSettings = {}): Fault[] {
  // A mode that was stored before it was checked is in nobody's way who changes something else.
  const isOld = settings.settlement_mode === before.settlement_mode;
  const wrong = [...provider.checkSettings(settings), ...(isOld ? [] : settlementModeFaults(provider, settings))];
  const faults = wrong.map(({ path, message }) => ({ path: `/settings${path}`, message }));
  const lacking = withoutAccount(provider, settings);
  if (lacking !== null)
    faults.push({
      path: '/settings/account',
      message: `is wanted with ${lacking}: each event of ${provider.title} names its account, and this is for one of them`,
    });
  return faults;
}

function secretFaults(provider: Provider, secret: NewSecret, path: string): Fault[] {
  const wrong = provider.checkSecret(secret.secret);
  const faults: Fault[] = wrong === null ? [] : [{ path: `${path}/secret`, message: wrong }];
  if (secret.notBefore != null && secret.notAfter != null && secret.notAfter <= secret.notBefore) {
    faults.push({ path: `${path}/not_after`, message: 'must be after not_before' });
  }
  return faults;
}

function refuse(faults: readonly Fault[]): void {
  const [first] = faults;
  if (first !== undefined) throw new PosternError('invalid_request', `${first.path}: ${first.message}`, { faults });
}

function notFound(id: number): PosternError {
  return new PosternError('not_found', `there is no endpoint ${id}`);
}

function shownSecret(secret: SecretRow, idleness: SecretIdleness | undefined): ShownSecret {
  const { id, last_used_at, not_after, not_before, uses } = secret;
  return {
    id,
    not_before,
    not_after,
    last_used_at,
    uses,
    ...(idleness ?? { state: 'idle', removableAt: null, removableSince: null }),
  };
}
