import type pg from 'pg';
import type { Tokens } from '../access/tokens.ts';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import type { EndpointService } from '../endpoints/service.ts';
import type { CacheStats } from '../ingest/duplicate-cache.ts';
import type { Recheck } from '../ingest/quarantine/recheck.ts';
import type { AccountReconciler } from '../ledger/reconcile-account.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Provider } from '../providers/provider.ts';
import type { Discrepancies } from '../reconcile/discrepancies/discrepancies.ts';
import type { BankImporter } from '../reconcile/import/bank-importer.ts';
import type { Importer } from '../reconcile/import/importer.ts';
import type { Transfers } from '../transfers/transfers.ts';
import type { ReadinessWatch } from './readiness.ts';

/** What the API stands on. */
export type ApiDeps = {
  readonly pool: pg.Pool;
  /** A connection of its own for one long read; whoever makes it ends it. */
  readonly connectReader: () => pg.Client;
  readonly endpointService: EndpointService;
  /** Opens the key that signs tree heads. */
  readonly keyring: Keyring;
  /** What processors call, without a slash at its end; null: as the request names its host. */
  readonly publicUrl: string | null;
  /** Where keys and, with the embedded database, all data are. */
  readonly dataDir: string;
  readonly tokens: Tokens;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly transfers: Transfers;
  readonly reconciler: AccountReconciler;
  readonly discrepancies: Discrepancies;
  readonly recheck: Recheck;
  readonly bankImporter: BankImporter;
  readonly importer: Pick<Importer, 'receive'>;
  /** How long an upload may stand still. */
  readonly uploadIdleMs: number;
  readonly cacheStats: () => CacheStats;
  readonly readiness: Pick<ReadinessWatch, 'look'>;
  /** Told to stop: long answers come to an end. */
  readonly draining: () => boolean;
};
