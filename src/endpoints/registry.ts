import type { OnChange } from '../change-listener.ts';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import { messageOf, PosternError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Sql } from '../postgres/sql.ts';
import type { ActiveSecret, Provider } from '../providers/provider.ts';
import type { Endpoint, StoredSecret } from './endpoint.ts';
import {
  ENDPOINTS_CHANNEL,
  ENDPOINTS_MAX,
  type EndpointRow,
  type SecretRow,
  type SecretUses,
  selectEndpoints,
  selectSecrets,
} from './endpoint-store.ts';
import { openSecret, openSettings } from './sealing.ts';

export type ProviderLookup = { get(name: string): Provider | undefined };

/** The endpoints as a webhook needs them: in memory, found without a wait, at most 5 s old. */
export type EndpointRegistry = {
  load(): Promise<void>;
  find(provider: string, name: string): Endpoint | undefined;
  byId(id: number): Endpoint | undefined;
  all(): readonly Endpoint[];
  activeSecrets(endpoint: Endpoint, nowMs: number): readonly ActiveSecret[];
  noteUse(secretId: string, nowMs: number): void;
  /** The uses since the last call, to be written with `addSecretUses`. */
  takeUses(): SecretUses;
  /** Milliseconds since endpoints were last read; over 60,000 they are not to be trusted any more. */
  age(): number;
  /** Without `onChange` changes of others are seen by looking every 5 s only. */
  start(onChange?: OnChange): void;
  stop(): Promise<void>;
};

const RELOAD_MS = 5_000;
const USES_MAX = 50_000;

export function createEndpointRegistry({
  sql,
  providers,
  keyring,
  clock,
  log,
}: {
  readonly sql: Sql;
  readonly providers: ProviderLookup;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly log: Log;
}): EndpointRegistry {
  let byName = new Map<string, Endpoint>();
  let byNumber = new Map<number, Endpoint>();
  let loadedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | null = null;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let uses = new Map<string, { uses: number; lastUsedAt: number }>();

  async function read(): Promise<void> {
    // Taken before the question: what changed while Postgres answered is not in the answer.
    const startedAt = clock.now();
    const rows = await selectEndpoints(sql, { after: 0, limit: ENDPOINTS_MAX + 1 });
    if (rows.length > ENDPOINTS_MAX) throw new PosternError('internal', `more than ${ENDPOINTS_MAX} endpoints`);
    const secrets = Map.groupBy(
      await selectSecrets(
        sql,
        rows.map((row) => row.id),
      ),
      (row) => row.endpoint_id,
    );
    const names = new Map<string, Endpoint>();
    const numbers = new Map<number, Endpoint>();
    for (const row of rows) {
      const endpoint = endpointOf(row, secrets.get(row.id) ?? []);
      if (endpoint === null) continue;
      names.set(`${row.provider}/${row.name}`, endpoint);
      numbers.set(row.id, endpoint);
    }
    byName = names;
    byNumber = numbers;
    loadedAt = startedAt;
  }

  /** One endpoint that cannot be opened must not take the others away. */
  function endpointOf(row: EndpointRow, secretRows: readonly SecretRow[]): Endpoint | null {
    const provider = providers.get(row.provider);
    const about = { endpoint: `${row.provider}/${row.name}` };
    if (provider === undefined) {
      log.warn(about, 'an endpoint belongs to a provider this version does not know; it is not served');
      return null;
    }
    try {
      return {
        id: row.id,
        provider,
        name: row.name,
        account: row.account,
        settings: openSettings(keyring, row),
        disabled: row.disabled,
        secrets: secretRows.map((secret) => storedSecret(secret)),
      };
    } catch (error) {
      log.error(
        { ...about, err: error },
        'the settings or secrets of an endpoint cannot be decrypted; it is not served',
      );
      return null;
    }
  }

  function storedSecret(row: SecretRow): StoredSecret {
    return {
      id: row.id,
      secret: openSecret(keyring, row),
      notBefore: row.not_before?.getTime() ?? null,
      notAfter: row.not_after?.getTime() ?? null,
    };
  }

  /** One read at a time. A call during a read waits for another one after it: that read may have missed its change. */
  function load(): Promise<void> {
    if (loading !== null) {
      again = true;
      return loading;
    }
    loading = (async () => {
      try {
        do {
          again = false;
          await read();
        } while (again);
      } finally {
        loading = null;
      }
    })();
    return loading;
  }

  function reload(): void {
    load().catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'endpoints could not be read; the last state stands'),
    );
  }

  return {
    load,
    find: (provider, name) => byName.get(`${provider}/${name}`),
    byId: (id) => byNumber.get(id),
    all: () => [...byNumber.values()],
    activeSecrets: (endpoint, nowMs) =>
      endpoint.secrets.every((secret) => secret.notBefore === null && secret.notAfter === null)
        ? endpoint.secrets
        : endpoint.secrets.filter((secret) => isActive(secret, nowMs)),
    noteUse(secretId, nowMs) {
      const use = uses.get(secretId);
      if (use !== undefined) {
        use.uses += 1;
        // What quarantine takes in was used when it came, not now.
        use.lastUsedAt = Math.max(use.lastUsedAt, nowMs);
      } else if (uses.size < USES_MAX) {
        uses.set(secretId, { uses: 1, lastUsedAt: nowMs });
      }
    },
    takeUses() {
      const taken = uses;
      uses = new Map();
      return taken;
    },
    age: () => clock.now() - loadedAt,
    start(onChange) {
      onChange?.(ENDPOINTS_CHANNEL, reload);
      timer = setInterval(reload, RELOAD_MS);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      // Whoever began this read has told its failure; here it only must be over.
      await loading?.catch(() => undefined);
    },
  };
}

function isActive(secret: StoredSecret, nowMs: number): boolean {
  return (
    (secret.notBefore === null || secret.notBefore <= nowMs) && (secret.notAfter === null || nowMs < secret.notAfter)
  );
}
