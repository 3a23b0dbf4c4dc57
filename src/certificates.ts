import { X509Certificate } from 'node:crypto';
import type { CertificateStore, StoredCertificate } from './certificate-store.ts';
import type { Clock } from './clock.ts';
import type { Egress } from './egress.ts';
import { assertNever, messageOf, PosternError } from './errors.ts';
import type { Fetched } from './providers/provider.ts';

/** What the way of a request needs of certificates: look up at once, and ask for what is not there. */
export type CertificateSource = {
  get(url: string): string | undefined;
  readonly trustRoots?: readonly string[];
  /** Fetches `url` beside the request, if it may be; never throws and never waits. */
  request(endpointId: number, url: string): void;
};

export type Certificates = CertificateSource & {
  /** Takes what the database holds into memory: an outage of theirs is then none of ours. */
  load(): Promise<void>;
  /** Fetches again what expires within a week or was last fetched a day ago; `start` does so every hour. */
  renewDue(): Promise<void>;
  start(): void;
  stop(): void;
  /** Resolves when nothing is being fetched and nothing waits to be. */
  idle(): Promise<void>;
};

export type CertificatesParts = {
  readonly egress: Pick<Egress, 'fetchBytes'>;
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly log: { warn(details: object, message: string): void };
  /** PEM roots that replace the providers' pinned ones. */
  readonly trustRoots?: readonly string[];
  /** Asks a processor's API for a key that lies at no open address; null where `url` is fetched as it is. */
  readonly fetchKey?: (endpointId: number, url: string) => Promise<Fetched> | null;
  readonly onFetch?: (result: 'fetched' | 'failed' | 'refused') => void;
};

const PER_MINUTE_MAX = 6;
const BAD_FOR_MS = 10 * 60_000;
/** A processor that does not answer for a moment is no bad URL. */
const FAILED_FOR_MS = 30_000;
const RENEW_BEFORE_MS = 7 * 86_400_000;
/** The content behind one URL is re-issued now and then, long before the old one expires. */
const REFETCH_AFTER_MS = 86_400_000;
const RENEW_EVERY_MS = 3_600_000;
const KEPT_MAX = 1_000;
const BAD_MAX = 1_000;
const QUEUE_MAX = 100;
const CERTIFICATES_MAX = 10;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----/g;

/** Certificates and keys by their URL, in memory and in the database, fetched one at a time and never by a request. */
export function createCertificates({
  egress,
  store,
  clock,
  log,
  trustRoots,
  fetchKey,
  onFetch,
}: CertificatesParts): Certificates {
  const kept = new Map<string, StoredCertificate>();
  const badUntil = new Map<string, number>();
  /** URL and the endpoint that asked for it; null for a renewal. */
  const waiting = new Map<string, number | null>();
  const asked = new Map<number, { minute: number; count: number }>();
  let running: Promise<void> | undefined;

  function get(url: string): string | undefined {
    const found = kept.get(url);
    // An expired one is as good as none: what replaced it under the same URL must be fetched.
    return found === undefined || found.expiresAt <= clock.now() ? undefined : found.pem;
  }

  function request(endpointId: number, url: string): void {
    const now = clock.now();
    if (waiting.has(url) || waiting.size >= QUEUE_MAX || get(url) !== undefined) return;
    if ((badUntil.get(url) ?? 0) > now || !takeTurn(endpointId, now)) return;
    enqueue(url, endpointId);
  }

  /** Six a minute an endpoint: requests that invent URLs must not make us a load on the processor. */
  function takeTurn(endpointId: number, now: number): boolean {
    const minute = Math.floor(now / 60_000);
    const turn = asked.get(endpointId);
    if (turn === undefined || turn.minute !== minute) {
      put(asked, endpointId, { minute, count: 1 }, KEPT_MAX);
      return true;
    }
    turn.count += 1;
    return turn.count <= PER_MINUTE_MAX;
  }

  function enqueue(url: string, endpointId: number | null): void {
    waiting.set(url, endpointId);
    running ??= drain();
  }

  async function drain(): Promise<void> {
    // After the caller's turn: whoever asks is answering a request.
    await null;
    for (const [url, endpointId] of waiting) {
      await fetchOne(url, endpointId);
      waiting.delete(url);
    }
    running = undefined;
  }

  async function fetchOne(url: string, endpointId: number | null): Promise<void> {
    try {
      const asked = endpointId === null ? null : (fetchKey?.(endpointId, url) ?? null);
      const certificate =
        asked === null
          ? readCertificate(url, await egress.fetchBytes(url), clock.now())
          : readKey(url, await asked, clock.now());
      put(kept, url, certificate, KEPT_MAX);
      badUntil.delete(url);
      onFetch?.('fetched');
      await store.save(certificate);
    } catch (error) {
      const passing = error instanceof PosternError && error.code === 'egress_failed';
      const isKept = get(url) !== undefined;
      // Known and still good: a renewal that failed, or a database that did not take it, changes nothing.
      if (!isKept) put(badUntil, url, clock.now() + (passing ? FAILED_FOR_MS : BAD_FOR_MS), BAD_MAX);
      onFetch?.(passing ? 'failed' : 'refused');
      log.warn(
        { certificateUrl: url.slice(0, 300), error: messageOf(error), kept: isKept },
        'a signing certificate could not be fetched or kept',
      );
    }
  }

  async function load(): Promise<void> {
    for (const certificate of await store.load()) put(kept, certificate.url, certificate, KEPT_MAX);
  }

  async function renewDue(): Promise<void> {
    const now = clock.now();
    for (const { url, pem, expiresAt, fetchedAt } of kept.values()) {
      // A key behind an API is asked for again when a request needs it: only its endpoint may ask.
      if (pem.startsWith('{')) continue;
      const due = expiresAt - now < RENEW_BEFORE_MS || now - fetchedAt > REFETCH_AFTER_MS;
      // What expired long ago belongs to a URL nobody names any more.
      if (due && expiresAt > now - RENEW_BEFORE_MS && waiting.size < QUEUE_MAX) enqueue(url, null);
    }
    await idle();
  }

  let timer: NodeJS.Timeout | undefined;

  function start(): void {
    timer ??= setInterval(() => void renewDue(), RENEW_EVERY_MS).unref();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    waiting.clear();
  }

  async function idle(): Promise<void> {
    await running;
  }

  return { get, request, load, renewDue, start, stop, idle, ...(trustRoots === undefined ? {} : { trustRoots }) };
}

/** PEM (one or a chain) or DER. @throws PosternError `egress_refused` for anything else, and for what has expired. */
function readCertificate(url: string, bytes: Buffer, now: number): StoredCertificate {
  const certificates = parse(bytes);
  const [leaf] = certificates;
  if (leaf === undefined) throw new PosternError('egress_refused', 'what is there is no certificate');
  const expiresAt = leaf.validToDate.getTime();
  if (expiresAt <= now)
    throw new PosternError('egress_refused', `the certificate there expired at ${leaf.validToDate.toISOString()}`);
  return { url, pem: certificates.map((one) => one.toString()).join(''), fetchedAt: now, expiresAt };
}

/** A key as the processor's API tells it, for a day: one that is withdrawn meanwhile is believed no longer than that. */
function readKey(url: string, fetched: Fetched, now: number): StoredCertificate {
  switch (fetched.kind) {
    case 'found':
      return { url, pem: fetched.body.toString('utf8'), fetchedAt: now, expiresAt: now + REFETCH_AFTER_MS };
    case 'later':
      throw new PosternError('egress_failed', fetched.detail);
    case 'missing':
    case 'refused':
      throw new PosternError('egress_refused', fetched.detail);
    default:
      return assertNever(fetched);
  }
}

function parse(bytes: Buffer): X509Certificate[] {
  try {
    const blocks =
      bytes[0] === 0x30 ? [bytes] : [...bytes.toString('latin1').matchAll(PEM_BLOCK)].map(([block]) => block);
    return blocks.slice(0, CERTIFICATES_MAX).map((block) => new X509Certificate(block));
  } catch {
    // Certificates of a shape OpenSSL does not take are none to us either; the caller says so.
    return [];
  }
}

/** The oldest goes first: names here can be invented by whoever sends requests. */
function put<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  const oldest = map.size >= max ? map.keys().next() : undefined;
  if (oldest !== undefined && oldest.done !== true) map.delete(oldest.value);
  map.set(key, value);
}
