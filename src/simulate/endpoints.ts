import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Keyring } from '../encryption.ts';
import {
  announceEndpoints,
  findEndpoint,
  insertEndpoint,
  insertSecret,
  lockEndpoint,
  type SecretRow,
  selectSecrets,
  updateEndpoint,
} from '../endpoints/endpoint-store.ts';
import { openSecret, sealSecret } from '../endpoints/sealing.ts';
import { PosternError } from '../errors.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import { createSimulatedAuthority } from '../providers/paypal/simulated-authority.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { createRandom } from './random.ts';
import type { SimulatedTarget, Simulator } from './simulators.ts';
import { simulatorOf } from './traffic.ts';

/** The processor account of simulated endpoints: its books are apart from everybody's. */
export const SIMULATED_ACCOUNT = 'sim';
const PREFIX = 'sim-';

/**
 * An endpoint of simulate's own for `provider` (`thin`: the account's second one), made when it is not there. PayPal's gets
 * a new certificate each time: its key is kept nowhere.
 */
export async function ensureSimulatedEndpoint(
  tx: Tx,
  options: { provider: string; destination: 'main' | 'thin'; baseUrl: string; keyring: Keyring; clock: Clock },
): Promise<SimulatedTarget> {
  const { provider, destination, baseUrl, keyring, clock } = options;
  const simulator = simulatorOf(provider);
  const name = `${PREFIX}${destination}`;
  const url = `${baseUrl}/webhooks/${provider}/${name}`;
  const now = clock.now();
  const authority =
    provider === 'paypal' ? createSimulatedAuthority(now, 'messageverificationcerts.sandbox.paypal.com') : null;
  const settings: EndpointSettings = {
    ...simulator.settings(url),
    ...(authority === null
      ? {}
      : { simulated_authority: { root: authority.rootPem, certificate: authority.certificatePem } }),
  };
  const found = await findEndpoint(tx, provider, name);
  const id =
    found?.id ?? (await insertEndpoint(tx, { provider, name, account: SIMULATED_ACCOUNT, settings: { ...settings } }));
  if (id === undefined)
    throw new PosternError('conflict', `the endpoint ${provider}/${name} is being made by another process; try again`);
  await lockEndpoint(tx, id);
  await updateEndpoint(tx, {
    id,
    account: SIMULATED_ACCOUNT,
    settings: { ...settings },
    sealed: null,
    disabled: false,
  });
  const secret = authority?.privateKeyPem ?? (await ensureSecret(tx, { endpointId: id, simulator, keyring, now }));
  await announceEndpoints(tx);
  return { url, secret, settings, account: SIMULATED_ACCOUNT };
}

/** An endpoint that exists already, with the newest of its secrets; null where there is none of that name. */
export async function targetOfEndpoint(
  tx: Tx,
  options: { provider: string; name: string; baseUrl: string; keyring: Keyring; clock: Clock },
): Promise<SimulatedTarget | null> {
  const { provider, name, baseUrl, keyring, clock } = options;
  const found = await findEndpoint(tx, provider, name);
  if (found === undefined) return null;
  if (provider === 'paypal') {
    throw new PosternError(
      'invalid_request',
      'nobody but PayPal can sign for a PayPal endpoint: leave --endpoint out, and one is made',
    );
  }
  const newest = await newestSecret(tx, found.id, clock.now());
  if (newest === undefined)
    throw new PosternError('conflict', `the endpoint ${provider}/${name} has no secret that is valid now`);
  const url = `${baseUrl}/webhooks/${provider}/${name}`;
  return { url, secret: openSecret(keyring, newest), settings: found.settings, account: found.account };
}

async function ensureSecret(
  tx: Tx,
  options: { endpointId: number; simulator: Simulator; keyring: Keyring; now: number },
): Promise<string> {
  const { endpointId, simulator, keyring, now } = options;
  const newest = await newestSecret(tx, endpointId, now);
  if (newest !== undefined) return openSecret(keyring, newest);
  const secret = simulator.secret(createRandom(randomBytes(16).toString('hex')));
  const id = uuidv7(now);
  await insertSecret(tx, { id, endpointId, sealed: sealSecret(keyring, id, secret), notBefore: null, notAfter: null });
  return secret;
}

async function newestSecret(sql: Sql, endpointId: number, now: number): Promise<SecretRow | undefined> {
  const valid = (await selectSecrets(sql, [endpointId])).filter(
    ({ not_before: from, not_after: until }) =>
      (from === null || from.getTime() <= now) && (until === null || until.getTime() > now),
  );
  return valid.at(-1);
}
