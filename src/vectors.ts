import { readFile } from 'node:fs/promises';
import { messageOf, PosternError } from './errors.ts';
import type { ActiveSecret, EndpointSettings, Provider, VerifyContext, WebhookRequest } from './providers/provider.ts';

/** One signed request and the verdict it must get; the format is that of the vector files (snake case, unix seconds). */
type Vector = {
  readonly provider: string;
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body_base64: string;
  readonly secrets?: readonly string[];
  readonly key_material?: KeyMaterial;
  /** Unix seconds the verifier must pretend. */
  readonly now: number;
  readonly tolerance_s?: number;
  readonly expect: 'valid' | 'invalid';
  readonly event_ids?: readonly string[] | null;
  readonly notes?: string | null;
};

type KeyMaterial = {
  readonly webhook_id?: string;
  readonly notification_url?: string;
  readonly public_key_pem?: string;
  readonly certs_by_url?: Readonly<Record<string, string>>;
  readonly intermediates_pem?: readonly string[];
  readonly trust_roots_pem?: readonly string[];
  /** The SNS topics the endpoint expects. */
  readonly allowed_topic_arns?: readonly string[];
  /** Plaid's verification keys. */
  readonly jwks_by_kid?: Readonly<Record<string, object>>;
  /** Braintree's key pairs. */
  readonly api_keys?: readonly { readonly publicKey: string; readonly privateKey: string }[];
  readonly keys_by_id?: Readonly<Record<string, MessageKey>>;
};

/** A key of HTTP message signatures. */
type MessageKey = { readonly alg: string; readonly secret_base64?: string; readonly public_key_pem?: string };

export type VectorCase = {
  readonly file: string;
  readonly name: string;
  readonly provider: string;
  readonly expected: 'valid' | 'invalid';
  /** `skipped`: there is no adapter for the provider. */
  readonly got: 'valid' | 'invalid' | 'skipped';
  readonly passed: boolean;
  /** Why the adapter decided so, or what it got wrong. */
  readonly reason: string;
};

export type VectorRun = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cases: readonly VectorCase[];
};

const VECTORS_MAX = 10_000;

/** Checks every vector of `files` at the time it names. @throws PosternError `invalid_request` for a file that is none. */
export async function runVectors(
  files: readonly string[],
  providers: ReadonlyMap<string, Provider>,
): Promise<VectorRun> {
  const cases: VectorCase[] = [];
  for (const file of files) {
    for (const vector of await readVectors(file)) cases.push(runVector(file, vector, providers));
  }
  const skipped = cases.filter((one) => one.got === 'skipped').length;
  const passed = cases.filter((one) => one.passed).length;
  return { passed, skipped, failed: cases.length - passed - skipped, cases };
}

async function readVectors(file: string): Promise<readonly Vector[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new PosternError('invalid_request', `${file} is no vector file: ${messageOf(cause)}`, { cause });
  }
  if (!Array.isArray(parsed) || parsed.length > VECTORS_MAX || !parsed.every(isVector)) {
    throw new PosternError('invalid_request', `${file} is no list of at most ${VECTORS_MAX} vectors`);
  }
  return parsed;
}

function isVector(value: unknown): value is Vector {
  if (typeof value !== 'object' || value === null) return false;
  const vector = value as Partial<Record<keyof Vector, unknown>>;
  const texts = [vector.provider, vector.name, vector.method, vector.url, vector.body_base64];
  const known = vector.expect === 'valid' || vector.expect === 'invalid';
  return (
    texts.every((text) => typeof text === 'string') &&
    known &&
    typeof vector.now === 'number' &&
    typeof vector.headers === 'object'
  );
}

function runVector(file: string, vector: Vector, providers: ReadonlyMap<string, Provider>): VectorCase {
  const about = { file, name: vector.name, provider: vector.provider, expected: vector.expect };
  const provider = providers.get(vector.provider);
  if (provider === undefined) return { ...about, got: 'skipped', passed: false, reason: 'there is no adapter for it' };
  const request = requestOf(vector);
  const context = contextOf(vector);
  if (vector.method === 'GET' && provider.challenge !== undefined) {
    const answer = provider.challenge(request, context)?.body ?? null;
    const wanted = /expected response body: (\S+)/.exec(vector.notes ?? '')?.[1] ?? answer;
    const got = answer === null ? 'invalid' : 'valid';
    const passed = got === vector.expect && answer === wanted;
    return { ...about, got, passed, reason: answer === null ? 'it is not answered' : `answered ${answer}` };
  }
  const verdict = provider.verify(request, context);
  const got = verdict.kind === 'authentic' ? 'valid' : 'invalid';
  if (got !== vector.expect) return { ...about, got, passed: false, reason: reasonOf(verdict) };
  const fault = got === 'valid' ? identifyFault(vector, provider, request, context.settings) : null;
  return { ...about, got, passed: fault === null, reason: fault ?? reasonOf(verdict) };
}

function reasonOf(verdict: ReturnType<Provider['verify']>): string {
  switch (verdict.kind) {
    case 'authentic':
      return `authentic (${verdict.level})`;
    case 'rejected':
      return `${verdict.reason}: ${verdict.detail}`;
    case 'needs':
      return `wants ${verdict.url}`;
  }
}

/** `event_ids` are what the deduplication key must contain; their parts may stand in another order. */
function identifyFault(
  vector: Vector,
  provider: Provider,
  request: WebhookRequest,
  settings: EndpointSettings,
): string | null {
  const found = provider.identify(request, settings);
  if (vector.notes?.includes('expect_parse: error') === true) {
    return found.kind === 'unreadable' ? null : 'its body does not parse, but events were read from it';
  }
  const ids = found.kind === 'events' ? found.events.map((event) => event.id) : [];
  const missing = (vector.event_ids ?? []).filter(
    (wanted) => !ids.some((id) => wanted.split(':').every((part) => id.includes(part))),
  );
  return missing.length === 0 ? null : `read as ${ids.join(', ') || found.kind}, without ${missing.join(', ')}`;
}

function requestOf(vector: Vector): WebhookRequest {
  const headers = Object.entries(vector.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' ? [[name, value]] : value.map((one) => [name, one]),
  );
  return { method: vector.method, url: vector.url, headers, body: Buffer.from(vector.body_base64, 'base64') };
}

function contextOf(vector: Vector): VerifyContext {
  const keys = vector.key_material ?? {};
  // What binds PayPal's signature to one endpoint is the webhook id: its adapter takes it as the secret or as a setting.
  // Wise's is the key it publishes.
  const texts = vector.secrets ?? [
    ...[keys.webhook_id, keys.public_key_pem].filter((text) => text !== undefined),
    ...(keys.api_keys ?? []).map(({ publicKey, privateKey }) => `${publicKey}:${privateKey}`),
    ...messageKeys(keys),
    ...Object.values(keys.jwks_by_kid ?? {}).map((jwk) => JSON.stringify(jwk)),
  ];
  const secrets: ActiveSecret[] = texts.map((secret, i) => ({ id: `s${i}`, secret }));
  const settings: EndpointSettings = {
    ...(vector.tolerance_s == null ? {} : { tolerance_s: vector.tolerance_s }),
    ...(keys.webhook_id === undefined ? {} : { webhook_id: keys.webhook_id }),
    ...(keys.notification_url === undefined ? {} : { notification_url: keys.notification_url }),
    ...(keys.allowed_topic_arns === undefined ? {} : { topic_arns: keys.allowed_topic_arns }),
    // The RFC's own examples sign other components than the body: what they prove is the signature, not the body.
    ...(keys.keys_by_id === undefined ? {} : { components: [] }),
  };
  // A certificate's address answers with the chain: the leaf first, then the intermediates.
  const chain = keys.intermediates_pem ?? [];
  const certificates = new Map(
    Object.entries(keys.certs_by_url ?? {}).map(([url, leaf]) => [url, [leaf, ...chain].join('\n')]),
  );
  return {
    secrets,
    settings,
    now: vector.now * 1000,
    certificates: {
      get: (url) => certificates.get(url),
      ...(keys.trust_roots_pem === undefined ? {} : { trustRoots: keys.trust_roots_pem }),
    },
  };
}

function messageKeys(keys: KeyMaterial): string[] {
  return Object.entries(keys.keys_by_id ?? {}).map(([keyid, { alg, secret_base64, public_key_pem }]) =>
    JSON.stringify({ keyid, alg, key: secret_base64 ?? public_key_pem }),
  );
}
