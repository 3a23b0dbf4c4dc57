import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ApiCalls, ApiDownloads } from '../../api-calls.ts';
import type { Clock } from '../../clock.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { PosternError } from '../../errors.ts';
import type { ReportApiContext } from '../../providers/provider-reports.ts';
import type { Importer } from '../import/importer.ts';

/** Whose report it is. */
export type FetchEndpoint = Pick<Endpoint, 'id' | 'account' | 'settings' | 'provider' | 'name'>;

export type FetchPorts = {
  readonly importer: Importer;
  readonly call: ApiCalls;
  readonly download: ApiDownloads;
  readonly clock: Clock;
};

export type FetchOrder = {
  readonly report: string;
  readonly actor: string;
  /** The account of the webhook that announced it. */
  readonly announced: string | null;
};

export type FetchedReport =
  /** In the books, or there already. */
  | { readonly kind: 'imported'; readonly settlement: string; readonly detail: string | null }
  /** Kept, with what is wrong with it. */
  | { readonly kind: 'failed'; readonly settlement: string; readonly detail: string }
  /** There is none, or the key may not read it. */
  | { readonly kind: 'missing' | 'refused'; readonly detail: string }
  | { readonly kind: 'later'; readonly at: number; readonly detail: string };

const BYTES_MAX = 8 * 1024 * 1024 * 1024;
const AGAIN_MS = 60_000;

/** Why no report is fetched for this endpoint, or null. */
export function unfetchable({ provider, settings, name }: Omit<FetchEndpoint, 'account'>): string | null {
  const { api } = provider;
  const reports = api?.reports;
  if (api === undefined || reports === undefined)
    return `${provider.title} gives out no settlement report by its API: import its files`;
  const why = reports.unavailable?.(settings) ?? null;
  if (why !== null) return `${provider.title} gives out none for ${name}: ${why}`;
  const key = reports.keySetting ?? api.keySetting;
  return settings[key] === undefined ? `set ${key} on ${provider.name}/${name} first` : null;
}

export function reportContext(
  { provider, settings }: FetchEndpoint,
  ports: Omit<FetchPorts, 'importer'>,
): ReportApiContext {
  const { call, download, clock } = ports;
  return {
    settings,
    now: clock.now(),
    call: (request) => call(provider, request),
    download: (request) => download(provider, request),
  };
}

/**
 * Fetches one report and imports it. It is kept in a file until it has come to its end: a processor that is slow or breaks off must
 * neither hold an import's connection nor leave a failed import behind.
 */
export async function fetchReport(
  endpoint: FetchEndpoint,
  { report, actor, announced }: FetchOrder,
  ports: FetchPorts,
): Promise<FetchedReport> {
  const reports = endpoint.provider.api?.reports;
  const why = unfetchable(endpoint);
  if (reports === undefined || why !== null) return { kind: 'refused', detail: why ?? '' };
  const { clock } = ports;
  const folder = await mkdtemp(join(tmpdir(), 'postern-report-'));
  try {
    const opened = await reports.open(report, reportContext(endpoint, ports));
    if (opened.kind !== 'report') return opened;
    const file = join(folder, 'report');
    await pipeline(Readable.from(limited(opened.bytes)), createWriteStream(file, { mode: 0o600 }));
    return await importFile(endpoint, { file, fileName: opened.fileName, actor, announced }, ports);
  } catch (error) {
    // Away, busy, or broken off: again. What is wrong with us or with the answer is for a person.
    if (!(error instanceof PosternError)) throw error;
    if (error.retryable) return { kind: 'later', at: clock.now() + AGAIN_MS, detail: error.message };
    return { kind: 'refused', detail: error.message };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* limited(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.byteLength;
    if (count > BYTES_MAX) throw new PosternError('too_large', `the report is over ${BYTES_MAX} bytes`);
    yield chunk;
  }
}

async function importFile(
  { id, name, account, settings, provider }: FetchEndpoint,
  {
    file,
    fileName,
    actor,
    announced,
  }: Omit<FetchOrder, 'report'> & { readonly file: string; readonly fileName: string },
  { importer }: FetchPorts,
): Promise<FetchedReport> {
  const received = await importer.receive(
    {
      endpoint: { id, name, account, settings, provider },
      ...(announced === null ? {} : { announced }),
      format: null,
      fileName,
      acceptDifference: null,
      actor,
      bytesMax: BYTES_MAX,
    },
    createReadStream(file, { highWaterMark: 1024 * 1024 }),
  );
  switch (received.kind) {
    case 'proven': {
      await received.finish();
      return { kind: 'imported', settlement: received.id, detail: null };
    }
    case 'repeated':
      return { kind: 'imported', settlement: received.id, detail: 'these bytes were imported before' };
    case 'waiting':
      return { kind: 'imported', settlement: received.id, detail: `waits for further files: ${received.missing}` };
    case 'failed': {
      const [first] = received.examined.faults.kept;
      const { count } = received.examined.faults;
      const detail = `${fileName}: ${first?.reason ?? 'it could not be imported'}${count > 1 ? ` (and ${count - 1} more)` : ''}`;
      return { kind: 'failed', settlement: received.id, detail };
    }
    case 'dry_run':
      throw new PosternError('internal', 'an import answered as a dry run');
  }
}
