import type pg from 'pg';
import { insertAudit } from '../../audit-store.ts';
import type { Clock } from '../../clock.ts';
import { messageOf, PosternError } from '../../errors.ts';
import { createLedger } from '../../ledger/post.ts';
import type { Log } from '../../log.ts';
import { sqlOf, sqlStateOf } from '../../postgres/sql.ts';
import type { EndpointSettings, Provider } from '../../providers/provider.ts';
import type { ReportFault, SettlementFormat } from '../../providers/settlement-format.ts';
import { startOfDay } from '../../time-zone.ts';
import { uuidv7 } from '../../uuid.ts';
import { lineIds } from './line-ids.ts';
import { receivePart } from './parts.ts';
import { dropChunks } from './parts-store.ts';
import { type Promoted, promote } from './promote.ts';
import { settleDoubles } from './proof-store.ts';
import { type ProvenBatch, proveReport } from './prove.ts';
import { recogniseReport } from './recognise.ts';
import { reportAccount } from './report-account.ts';
import { createReportSource, type ReportSource } from './report-source.ts';
import { openSession, type Session } from './session.ts';
import {
  deleteSettlement,
  endSettlement,
  findByBytes,
  holdImport,
  insertFaults,
  insertSettlement,
  noteProgress,
  noteRepeated,
} from './settlement-store.ts';
import { createFaults, type Staged, stageReport } from './stage-report.ts';
import { analyzeStaging, copyLines, dropStaging, openStaging, type Staging } from './staging-store.ts';

/** For whom a file is imported, and how. */
export type ImportOrder = {
  readonly endpoint: {
    readonly id: number;
    readonly name: string;
    readonly account: string;
    readonly settings: EndpointSettings;
    readonly provider: Provider;
  };
  /** Of which account of the endpoint; absent: of the one that the file names, else of its own. */
  readonly account?: string | undefined;
  /** The account of the webhook that announced it: of a file that names none. */
  readonly announced?: string | undefined;
  /** Null: told by the file's head. */
  readonly format: string | null;
  readonly fileName: string | null;
  /** Why a report that contradicts itself is taken all the same; null: it is not. */
  readonly acceptDifference: string | null;
  readonly actor: string;
  readonly bytesMax: number;
  /** Reads and proves it, and keeps nothing. */
  readonly dryRun?: boolean;
  /** All of its lines are in the database, not yet proven. */
  readonly onLoaded?: () => void;
  readonly onProgress?: (progress: { readonly bytes: number; readonly lines: number }) => void;
};

/** What was found of a file. */
export type Examined = {
  readonly format: SettlementFormat;
  readonly lines: number;
  readonly bytes: number;
  readonly batches: readonly ProvenBatch[];
  readonly faults: { readonly kept: readonly ReportFault[]; readonly count: number };
};

export type Received =
  /** These bytes are imported already, as this. */
  | { readonly kind: 'repeated'; readonly id: string }
  /** Not the last file of its report that is needed. */
  | { readonly kind: 'waiting'; readonly id: string; readonly missing: string }
  | { readonly kind: 'failed'; readonly id: string; readonly examined: Examined }
  /** Read and proven: `finish` makes it final. It must be called, and keeps its connection until it ends. */
  | { readonly kind: 'proven'; readonly id: string; readonly examined: Examined; finish(): Promise<Promoted> }
  | { readonly kind: 'dry_run'; readonly examined: Examined };

export type Importer = {
  /**
   * Takes a file in, to its end. Throws what its source throws, and PosternError `invalid_request` for what is no report of
   * the provider's.
   */
  receive(order: ImportOrder, source: AsyncIterable<Uint8Array>): Promise<Received>;
  /** Takes nothing more in, waits a while for what is under way, and breaks off the rest: it leaves nothing behind. */
  close(): Promise<void>;
};

/** Each reads and sorts as much as a processor core gives. */
const IMPORTS_AT_ONCE = 2;
const PROGRESS_MS = 500;
const TRIES_MAX = 3;
/** Under the 25 s in which a gateway that was told to stop ends. */
const CLOSE_MS = 15_000;

export function createImporter(parts: { readonly pool: pg.Pool; readonly clock: Clock; readonly log: Log }): Importer {
  const { pool, clock, log } = parts;
  const ledger = createLedger({ clock });
  const shared = sqlOf(pool);
  const running = new Set<Running>();
  let closed = false;

  async function receive(order: ImportOrder, bytes: AsyncIterable<Uint8Array>): Promise<Received> {
    if (closed || running.size >= IMPORTS_AT_ONCE)
      throw new PosternError(
        'overloaded',
        `${IMPORTS_AT_ONCE} files are being imported here; try again when one is done`,
      );
    const run = beginRun();
    running.add(run);
    let kept = false;
    try {
      const source = createReportSource(bytes, order.bytesMax);
      const { provider, settings } = order.endpoint;
      const recognised = recogniseReport(provider, await source.head(), { ...order, settings });
      if (recognised.kind === 'refused') throw new PosternError('invalid_request', recognised.reason);
      const { format, head } = recognised;
      const account = reportAccount(order.endpoint, {
        file: format.accountOf?.(head) ?? null,
        asked: order.account ?? null,
        announced: order.announced ?? null,
      });
      const mine = { ...order, endpoint: { ...order.endpoint, account } };
      const part = format.part?.(head, order.fileName) ?? null;
      const session = await openSession(pool);
      run.session = session;
      const id = uuidv7(clock.now());
      if (part === null || (part.number === 1 && part.last) || order.dryRun === true) {
        const received = await take(id, mine, format, source, { session, run });
        kept = received.kind === 'proven';
        return received;
      }
      const whole = await receivePart({ session, shared }, { id, order: mine, format, part, source });
      if (whole.kind !== 'whole') return whole;
      const received = await take(whole.id, mine, format, whole.source, { session, run });
      kept = received.kind === 'proven';
      return received;
    } finally {
      if (!kept) await endRun(run);
    }
  }

  function beginRun(): Running {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { session: null, ended: promise, end: resolve };
  }

  async function endRun(run: Running): Promise<void> {
    running.delete(run);
    await run.session?.end();
    run.end();
  }

  /** From the bytes to the proof. What goes wrong here leaves a settlement that says so, and nothing else. */
  async function take(
    id: string,
    order: ImportOrder,
    format: SettlementFormat,
    source: ReportSource,
    { session, run }: { readonly session: Session; readonly run: Running },
  ): Promise<Received> {
    const { endpoint, fileName, actor, dryRun = false } = order;
    const { account, settings, provider } = endpoint;
    const mode = settings.settlement_mode ?? format.mode;
    const movesMoney = format.role(settings) === 'money';
    await holdImport(session.sql, id);
    await insertSettlement(session.sql, {
      id,
      provider: provider.name,
      account,
      endpointId: endpoint.id,
      format: format.name,
      movesMoney,
      mode,
      fileName,
      bytes: 0,
      actor,
    });
    try {
      const staging = await openStaging(session.sql, id);
      const idOf = lineIds(id);
      const zone = settings.time_zone ?? 'UTC';
      const staged = await stage(order, format, source, { session, staging, idOf, mode, zone });
      order.onLoaded?.();
      const sha256 = source.sha256();
      const standing = dryRun ? null : await findByBytes(session.sql, { provider: provider.name, account, sha256 });
      if (standing !== null) return await repeated(session, id, standing);
      const faults = createFaults();
      for (const fault of staged.faults.kept) faults.add(fault);
      let batches: readonly ProvenBatch[] = [];
      if (staged.faults.unreadable === 0) {
        await analyzeStaging(session.sql, staging);
        for (const fault of await settleDoubles(session.sql, staging)) faults.add(fault);
        const proof = await proveReport(session.sql, staging, staged.stated, { idOf, lines: staged.lines });
        // A reader may have told of the same batch, with its row.
        const told = new Set(faults.kept.map(({ batch }) => batch));
        for (const fault of proof.faults) if (fault.batch === undefined || !told.has(fault.batch)) faults.add(fault);
        batches = proof.batches;
      }
      const count = faults.count + staged.faults.count - staged.faults.kept.length;
      const found = { kept: faults.kept, count, unreadable: staged.faults.unreadable };
      const examined: Examined = { format, lines: staged.lines, bytes: source.count(), batches, faults: found };
      if (dryRun) {
        await forget(session, id);
        return { kind: 'dry_run', examined };
      }
      if (found.unreadable > 0 || (found.count > 0 && order.acceptDifference === null)) {
        await fail(session, id, { actor, sha256, examined, note: null });
        return { kind: 'failed', id, examined };
      }
      const books = {
        provider: provider.name,
        account,
        marketplace: settings.marketplace ?? null,
        zone: settings.time_zone ?? null,
      };
      const promotion = {
        staging,
        staged,
        faults: found,
        batches,
        books,
        mode,
        movesMoney,
        roundsApart: format.roundsApart === true,
        sha256,
        bytes: source.count(),
        actor,
        acceptDifference: order.acceptDifference,
        liveFrom: settings.live_from === undefined ? null : startOfDay(settings.live_from, zone),
      };
      return {
        kind: 'proven',
        id,
        examined,
        async finish() {
          try {
            const promoted = await retrying(() =>
              session.transaction((tx) => promote(tx, promotion, { ledger, clock, sent: session.sent })),
            );
            if (promoted.kind === 'repeated') await repeated(session, id, promoted.id);
            else await dropStaging(session.sql, id);
            return promoted;
          } catch (error) {
            await fail(session, id, { actor, sha256, examined, note: messageOf(error) }).catch(untold(id));
            throw error;
          } finally {
            await endRun(run);
          }
        },
      };
    } catch (error) {
      // Where the connection itself is lost, housekeeping finds what was left.
      if (dryRun) await forget(session, id).catch(untold(id));
      else await fail(session, id, { actor, sha256: null, examined: null, note: messageOf(error) }).catch(untold(id));
      throw error;
    }
  }

  async function stage(
    { endpoint, account: asked, fileName, onProgress }: ImportOrder,
    format: SettlementFormat,
    source: ReportSource,
    at: {
      session: Session;
      staging: Staging;
      idOf: (n: number) => string;
      mode: 'payout' | 'batch' | 'balance';
      zone: string;
    },
  ): Promise<Staged> {
    const { settings, account } = endpoint;
    const only = asked === undefined ? {} : { only: asked };
    const context = { account, ...only, settings, mode: at.mode, zone: at.zone, fileName };
    const copying = copyLines(at.session.client, at.staging);
    let told = clock.now();
    try {
      return await stageReport(format, source.bytes(), context, {
        copying,
        idOf: at.idOf,
        onProgress(lines) {
          if (clock.now() - told < PROGRESS_MS) return;
          told = clock.now();
          const progress = { bytes: source.count(), lines };
          onProgress?.(progress);
          // Beside the import's own connection, which is in the middle of a COPY.
          void noteProgress(shared, at.staging.settlement, progress).catch(untold(at.staging.settlement));
        },
      });
    } catch (error) {
      await copying.abort();
      throw error;
    }
  }

  async function repeated(
    session: Session,
    id: string,
    standing: string,
  ): Promise<Extract<Received, { kind: 'repeated' }>> {
    await forget(session, id);
    await noteRepeated(session.sql, standing);
    return { kind: 'repeated', id: standing };
  }

  async function forget(session: Session, id: string): Promise<void> {
    await dropStaging(session.sql, id);
    await deleteSettlement(session.sql, id);
  }

  async function fail(
    session: Session,
    id: string,
    {
      actor,
      sha256,
      examined,
      note,
    }: { actor: string; sha256: Buffer | null; examined: Examined | null; note: string | null },
  ): Promise<void> {
    await session.transaction(async (tx) => {
      if (examined !== null) await insertFaults(tx, id, examined.faults.kept, examined.batches);
      const ended = await endSettlement(tx, {
        id,
        status: 'failed',
        sha256,
        bytes: examined?.bytes ?? 0,
        lines: examined?.lines ?? 0,
        linesNew: 0,
        faultCount: examined?.faults.count ?? 0,
        acceptedDifference: null,
        supersedes: null,
        note,
      });
      if (ended)
        await insertAudit(tx, {
          actor,
          action: 'settlement.fail',
          subject: `settlement:${id}`,
          details: { faults: examined?.faults.count ?? 0, ...(note === null ? {} : { note }) },
        });
    });
    await session.transaction((tx) => dropChunks(tx, id));
    await dropStaging(session.sql, id);
  }

  const untold = (id: string) => (error: unknown) =>
    log.warn({ settlement: id, error: messageOf(error) }, 'the state of an import could not be written');

  return {
    receive,
    async close() {
      closed = true;
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, CLOSE_MS);
      await Promise.race([Promise.all([...running].map((run) => run.ended)), late.promise]);
      clearTimeout(timer);
      for (const run of running) run.session?.cut();
    },
  };
}

/** The database ends one of two that wait for each other; it may be this one, of which nothing is left then. */
async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!['40P01', '40001'].includes(sqlStateOf(error) ?? '') || tries >= TRIES_MAX) throw error;
    }
  }
}

/** A file that is being imported here. */
type Running = { session: Session | null; readonly ended: Promise<void>; readonly end: () => void };
