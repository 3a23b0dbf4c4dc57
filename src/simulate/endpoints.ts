import { randomBytes } from 'node:crypto';
import { insertAudit } from '../audit-store.ts';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import {
  announceEndpoints,
  deleteSecret,
  findEndpoint,
  insertEndpoint,
  insertSecret,
  lockEndpoint,
  SECRETS_MAX,
  type SecretRow,
  selectSecrets,
  updateEndpoint,
} from '../endpoints/endpoint-store.ts';
import { openSecret, sealSecret } from '../endpoints/sealing.ts';
import { PosternError } from '../errors.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import { providers } from '../providers/index.ts';
import { uuidv7 } from '../uuid.ts';
import { createRandom } from './random.ts';
import { type SimulatedTarget, simulatedEndpoint } from './simulator.ts';
import { simulatorOf } from './traffic.ts';

/** The processor account of simulated endpoints: its books are apart from everybody's. */
export const SIMULATED_ACCOUNT = 'sim';
const PREFIX = 'sim-';

/** A key of simulate's own is believed for so long: longer than any run, so that two at a time do not end each other. */
const PAIR_VALID_MS = 86_400_000;

/**
 * An endpoint of simulate's own for `provider` (`thin`: the account's second one), made when it is not there. Where the
 * processor signs with a key pair, it gets a new one each time: its private half is kept nowhere.
 */
export async function ensureSimulatedEndpoint(
  tx: Tx,
  options: {
    provider: string;
    destination: 'main' | 'thin';
    baseUrl: string;
    keyring: Keyring;
    clock: Clock;
    actor: string;
  },
): Promise<SimulatedTarget> {
  const { provider, destination, baseUrl, keyring, clock, actor } = options;
  const simulator = simulatorOf(provider);
  const name = `${PREFIX}${destination}`;
  const account = SIMULATED_ACCOUNT;
  const url = `${baseUrl}/webhooks/${provider}/${name}`;
  const now = clock.now();
  const random = createRandom(randomBytes(16).toString('hex'));
  const { target, secrets } = simulatedEndpoint(simulator, { url, account }, { random, now });
  const settings = { ...target.settings };
  const found = await findEndpoint(tx, provider, name);
  const id = found?.id ?? (await insertEndpoint(tx, { provider, name, account, settings }));
  if (id === undefined)
    throw new PosternError('conflict', `the endpoint ${provider}/${name} is being made by another process; try again`);
  const noted = (action: string, details: Record<string, unknown>) =>
    insertAudit(tx, { actor, action, subject: `endpoint:${id}`, reason: 'simulate', details });
  if (found === undefined) await noted('endpoint.create', { provider, name });
  else if (found.disabled) await noted('endpoint.update', { disabled: false });
  await lockEndpoint(tx, id);
  await updateEndpoint(tx, { id, account, settings, sealed: null, disabled: false });
  const known = simulator.keys.kind === 'shared' ? await newestSecret(tx, id, now) : undefined;
  if (known === undefined) {
    for (const secret of secrets) {
      for (const old of await makeRoom(tx, id)) await noted('secret.delete', { secret_id: old });
      const notAfter = simulator.keys.kind === 'pair' ? new Date(now + PAIR_VALID_MS) : null;
      const secretId = uuidv7(now);
      const sealed = sealSecret(keyring, secretId, secret);
      await insertSecret(tx, { id: secretId, endpointId: id, sealed, notBefore: null, notAfter });
      await noted('secret.create', { secret_id: secretId });
    }
  }
  await announceEndpoints(tx);
  return known === undefined ? target : { ...target, secret: openSecret(keyring, known) };
}

/** The oldest secrets go where as many as an endpoint may have are there: runs of simulate must not add up. */
async function makeRoom(tx: Tx, endpointId: number): Promise<string[]> {
  const kept = await selectSecrets(tx, [endpointId]);
  const gone = kept.slice(0, Math.max(0, kept.length - SECRETS_MAX + 1)).map(({ id }) => id);
  for (const id of gone) await deleteSecret(tx, endpointId, id);
  return gone;
}

/** An endpoint that exists already, with the newest of its secrets; null where there is none of that name. */
export async function targetOfEndpoint(
  tx: Tx,
  options: { provider: string; name: string; baseUrl: string; keyring: Keyring; clock: Clock },
): Promise<SimulatedTarget | null> {
  const { provider, name, baseUrl, keyring, clock } = options;
  const found = await findEndpoint(tx, provider, name);
  if (found === undefined) return null;
  if (simulatorOf(provider).keys.kind === 'pair') {
    const title = providers.get(provider)?.title ?? provider;
    throw new PosternError(
      'invalid_request',
      `nobody but ${title} can sign for an endpoint of ${title}: leave --endpoint out, and one is made`,
    );
  }
  const newest = await newestSecret(tx, found.id, clock.now());
  if (newest === undefined)
    throw new PosternError('conflict', `the endpoint ${provider}/${name} has no secret that is valid now`);
  const url = `${baseUrl}/webhooks/${provider}/${name}`;
  return { url, secret: openSecret(keyring, newest), settings: found.settings, account: found.account };
}

async function newestSecret(sql: Sql, endpointId: number, now: number): Promise<SecretRow | undefined> {
  const valid = (await selectSecrets(sql, [endpointId])).filter(
    ({ not_before: from, not_after: until }) =>
      (from === null || from.getTime() <= now) && (until === null || until.getTime() > now),
  );
  return valid.at(-1);
}
