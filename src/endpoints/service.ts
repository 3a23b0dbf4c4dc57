import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { audit } from '../audit.ts';
import { type Fault, PosternError } from '../errors.ts';
import { sqlOf, type Tx, withTransaction } from '../postgres/sql.ts';
import type { EndpointSettings, Provider } from '../providers/provider.ts';
import { mergeSettings, splitCredentials, withoutCredentials } from './credential-settings.ts';
import {
  announceEndpoints,
  deleteEndpoint,
  deleteSecret,
  type EndpointRow,
  endSecrets,
  hasEvents,
  insertEndpoint,
  insertSecret,
  lockEndpoint,
  type SecretRow,
  SECRETS_MAX,
  selectEndpoint,
  selectEndpoints,
  selectSecrets,
  updateEndpoint,
} from './endpoint-store.ts';
import { openSettings, type Seal, sealCredentials, sealSecret } from './sealing.ts';

/** An endpoint as it is shown: never a secret, only when each was last used and how often. */
export type EndpointView = {
  readonly id: string;
  readonly provider: string;
  readonly name: string;
  readonly url: string;
  readonly account: string;
  readonly disabled: boolean;
  readonly settings: Record<string, unknown>;
  readonly secrets: readonly SecretView[];
};

export type SecretView = {
  readonly id: string;
  readonly not_before: string | null;
  readonly not_after: string | null;
  readonly last_used_at: string | null;
  readonly uses: number;
};

export type NewEndpoint = {
  readonly provider: string;
  readonly name: string;
  readonly secrets: readonly string[];
  readonly settings: EndpointSettings;
};

export type NewSecret = { readonly secret: string; readonly notBefore: Date | null; readonly notAfter: Date | null };

/** Everything throws PosternError `invalid_request` (with the places), `not_found` or `conflict`. */
export type EndpointService = {
  create(wish: NewEndpoint, actor: string): Promise<EndpointView>;
  list(page: { after: number; limit: number }): Promise<EndpointView[]>;
  get(id: number): Promise<EndpointView>;
  findByName(provider: string, name: string): Promise<EndpointView | null>;
  patch(id: number, change: { settings?: Record<string, unknown>; disabled?: boolean }, actor: string): Promise<EndpointView>;
  remove(id: number, actor: string): Promise<void>;
  addSecret(id: number, secret: NewSecret, actor: string): Promise<SecretView>;
  /** A new secret now; those before it end after `graceMs`. */
  rotate(id: number, secret: string, graceMs: number, actor: string): Promise<SecretView>;
  removeSecret(id: number, secretId: string, actor: string): Promise<void>;
};

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const ACCOUNT_MAX = 200;

export function createEndpointService(options: {
  readonly pool: pg.Pool;
  readonly providers: { get(name: string): Provider | undefined; keys(): Iterable<string> };
  readonly keyring: Seal;
  readonly clock: { now(): number };
  /** What processors call, without a slash at its end. */
  readonly publicUrl: string;
}): EndpointService {
  const { pool, providers, keyring, clock } = options;
  const sql = sqlOf(pool);

  function providerOf(name: string): Provider {
    const provider = providers.get(name);
    if (provider !== undefined) return provider;
    const known = [...providers.keys()].join(', ');
    throw invalid(`there is no provider "${name}"; there are ${known}`, [{ path: '/provider', message: `must be one of ${known}` }]);
  }

  function checkSettings(provider: Provider, settings: EndpointSettings): void {
    const faults = provider.checkSettings(settings).map((f) => ({ path: `/settings${f.path}`, message: f.message }));
    if (faults.length > 0) throw invalid(`the settings do not fit ${provider.title}: ${said(faults)}`, faults);
  }

  function checkSecrets(provider: Provider, secrets: readonly string[]): void {
    const faults = secrets.flatMap((secret, n) => {
      const fault = secret === '' ? 'must not be empty: anybody could sign with it' : provider.checkSecret(secret);
      return fault === null ? [] : [{ path: `/secrets/${n}`, message: fault }];
    });
    if (faults.length > 0) throw invalid(`a secret does not fit ${provider.title}: ${said(faults)}`, faults);
    if (secrets.length > SECRETS_MAX) throw invalid(`an endpoint has at most ${SECRETS_MAX} secrets`, []);
  }

  function accountOf(settings: EndpointSettings, name: string): string {
    const account = settings.account ?? name;
    if (typeof account !== 'string' || account === '' || account.length > ACCOUNT_MAX) {
      throw invalid('the account is no text', [{ path: '/settings/account', message: `must be a text of at most ${ACCOUNT_MAX} characters` }]);
    }
    return account;
  }

  async function storeSecret(tx: Tx, endpointId: number, secret: NewSecret): Promise<SecretView> {
    const id = randomUUID();
    const { notBefore, notAfter } = secret;
    await insertSecret(tx, { id, endpointId, sealed: sealSecret(keyring, id, secret.secret), notBefore, notAfter });
    return { id, not_before: iso(notBefore), not_after: iso(notAfter), last_used_at: null, uses: 0 };
  }

  async function locked(tx: Tx, id: number): Promise<EndpointRow> {
    const row = await lockEndpoint(tx, id);
    if (row === undefined) throw missing(id);
    return row;
  }

  /** One change: its work, its line in the audit log and its announcement, together. */
  function change<T>(actor: string, action: string, subject: string, work: (tx: Tx) => Promise<T>, details?: Record<string, unknown>): Promise<T> {
    return withTransaction(pool, async (tx) => {
      const done = await work(tx);
      await audit(tx, { actor, action, subject, ...(details === undefined ? {} : { details }) });
      await announceEndpoints(tx);
      return done;
    });
  }

  async function viewOf(row: EndpointRow): Promise<EndpointView> {
    return (await viewsOf([row]))[0] as EndpointView;
  }

  async function viewsOf(rows: readonly EndpointRow[]): Promise<EndpointView[]> {
    const secrets = Map.groupBy(await selectSecrets(sql, rows.map((r) => r.id)), (s) => s.endpoint_id);
    return rows.map((row) => ({
      id: String(row.id),
      provider: row.provider,
      name: row.name,
      url: `${options.publicUrl}/webhooks/${row.provider}/${row.name}`,
      account: row.account,
      disabled: row.disabled,
      settings: withoutCredentials(openSettings(keyring, row)),
      secrets: (secrets.get(row.id) ?? []).map(secretView),
    }));
  }

  async function get(id: number): Promise<EndpointView> {
    const row = await selectEndpoint(sql, id);
    if (row === undefined) throw missing(id);
    return viewOf(row);
  }

  return {
    async create({ provider: providerName, name, secrets, settings }, actor) {
      const provider = providerOf(providerName);
      if (!NAME.test(name)) {
        throw invalid(`"${name}" cannot be a name`, [{ path: '/name', message: 'must be lower-case letters, digits, ".", "_", "-", at most 63' }]);
      }
      checkSettings(provider, settings);
      checkSecrets(provider, secrets);
      const account = accountOf(settings, name);
      const { clear, credentials } = splitCredentials(settings);
      const id = await change(actor, 'endpoint.create', `${providerName}/${name}`, async (tx) => {
        const made = await insertEndpoint(tx, { provider: providerName, name, account, settings: clear });
        if (made === undefined) throw new PosternError('conflict', `there is an endpoint ${providerName}/${name} already`);
        if (credentials !== null) {
          const sealed = sealCredentials(keyring, made, credentials);
          await updateEndpoint(tx, { id: made, account, settings: clear, sealed, disabled: false });
        }
        for (const secret of secrets) await storeSecret(tx, made, { secret, notBefore: null, notAfter: null });
        return made;
      });
      return get(id);
    },
    list: async (page) => viewsOf(await selectEndpoints(sql, page)),
    get,
    async findByName(provider, name) {
      const found = await sql.query<{ id: number }>('select id from postern.endpoints where provider = $1 and name = $2', [provider, name]);
      const id = found.rows[0]?.id;
      return id === undefined ? null : get(id);
    },
    async patch(id, { settings, disabled }, actor) {
      await change(
        actor,
        'endpoint.change',
        String(id),
        async (tx) => {
          const row = await locked(tx, id);
          const provider = providerOf(row.provider);
          const merged = mergeSettings(openSettings(keyring, row), settings ?? {}) as EndpointSettings;
          checkSettings(provider, merged);
          const { clear, credentials } = splitCredentials(merged);
          await updateEndpoint(tx, {
            id,
            account: accountOf(merged, row.name),
            settings: clear,
            sealed: sealCredentials(keyring, id, credentials),
            disabled: disabled ?? row.disabled,
          });
        },
        { settings: Object.keys(settings ?? {}), ...(disabled === undefined ? {} : { disabled }) },
      );
      return get(id);
    },
    remove: (id, actor) =>
      change(actor, 'endpoint.delete', String(id), async (tx) => {
        await locked(tx, id);
        if (await hasEvents(tx, id)) throw new PosternError('conflict', 'the endpoint has events: disable it instead of deleting it');
        await deleteEndpoint(tx, id);
      }),
    addSecret: (id, secret, actor) =>
      change(actor, 'secret.add', String(id), async (tx) => {
        const row = await locked(tx, id);
        checkSecrets(providerOf(row.provider), [secret.secret]);
        if (secret.notBefore !== null && secret.notAfter !== null && secret.notAfter <= secret.notBefore) {
          throw invalid('the window of the secret is empty', [{ path: '/not_after', message: 'must be after not_before' }]);
        }
        const others = await selectSecrets(tx, [id]);
        if (others.length >= SECRETS_MAX) throw invalid(`an endpoint has at most ${SECRETS_MAX} secrets; remove an old one`, []);
        return storeSecret(tx, id, secret);
      }),
    rotate: (id, secret, graceMs, actor) =>
      change(actor, 'secret.rotate', String(id), async (tx) => {
        const row = await locked(tx, id);
        checkSecrets(providerOf(row.provider), [secret]);
        const made = await storeSecret(tx, id, { secret, notBefore: null, notAfter: null });
        await endSecrets(tx, id, made.id, new Date(clock.now() + graceMs));
        return made;
      }),
    removeSecret: (id, secretId, actor) =>
      change(actor, 'secret.remove', `${id}/${secretId}`, async (tx) => {
        await locked(tx, id);
        if (!(await deleteSecret(tx, id, secretId))) throw new PosternError('not_found', `endpoint ${id} has no secret ${secretId}`);
      }),
  };
}

function secretView(row: SecretRow): SecretView {
  return {
    id: row.id,
    not_before: iso(row.not_before),
    not_after: iso(row.not_after),
    last_used_at: iso(row.last_used_at),
    uses: Number(row.uses),
  };
}

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

const said = (faults: readonly Fault[]): string => faults.map((f) => `${f.path} ${f.message}`).join('; ');

const missing = (id: number): PosternError => new PosternError('not_found', `there is no endpoint ${id}`);

const invalid = (message: string, faults: readonly Fault[]): PosternError => new PosternError('invalid_request', message, { faults });
