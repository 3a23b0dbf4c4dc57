import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import {
  announceEndpoints,
  deleteSecret,
  type EndpointRow,
  endSecrets,
  insertEndpoint,
  insertSecret,
  lockEndpoint,
  selectEndpoints,
  selectSecrets,
  updateEndpoint,
} from '../endpoints/endpoint-store.ts';
import { openSecret, type Seal, sealSecret } from '../endpoints/sealing.ts';
import { PosternError } from '../errors.ts';
import type { Sql, Tx } from '../postgres/sql.ts';
import { createSimulatedAuthority } from '../providers/paypal/simulated-authority.ts';
import type { EndpointSettings } from '../providers/provider.ts';
import { uuidv7 } from '../uuid.ts';
import { createRandom } from './random.ts';
import type { SimulatedTarget } from './simulators.ts';
import { simulatorOf } from './traffic.ts';

/** The processor account of simulated endpoints: its books are apart from everybody's. */
export const SIMULATED_ACCOUNT = 'sim';
const PREFIX = 'sim-';
const ENDPOINTS_MAX = 10_000;
/** What was valid before still is for a while: another `simulate` may be sending. */
const OVERLAP_MS = 3_600_000;
const SECRETS_KEPT = 10;

/**
 * An endpoint of simulate's own for `provider` (`thin`: the account's second one), with a fresh secret: the stored one
 * cannot be read back by design, and a secret that exists only here cannot leak from here.
 */
export async function ensureSimulatedEndpoint(
  tx: Tx,
  options: { provider: string; destination: 'main' | 'thin'; baseUrl: string; keyring: Seal; clock: Clock },
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
  const secret = authority?.privateKeyPem ?? simulator.secret(createRandom(randomBytes(16).toString('hex')));

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
  if (authority === null) {
    const secretId = uuidv7(now);
    await insertSecret(tx, {
      id: secretId,
      endpointId: id,
      sealed: sealSecret(keyring, secretId, secret),
      notBefore: null,
      notAfter: null,
    });
    await endSecrets(tx, id, secretId, new Date(now + OVERLAP_MS));
    await dropOldSecrets(tx, id, now);
  }
  await announceEndpoints(tx);
  return { url, secret, settings, account: SIMULATED_ACCOUNT };
}

/** An endpoint that exists already, with the newest of its secrets; null where there is none of that name. */
export async function targetOfEndpoint(
  tx: Tx,
  options: { provider: string; name: string; baseUrl: string; keyring: Seal; clock: Clock },
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
  const now = clock.now();
  const valid = (await selectSecrets(tx, [found.id])).filter(
    ({ not_before: from, not_after: until }) =>
      (from === null || from.getTime() <= now) && (until === null || until.getTime() > now),
  );
  const newest = valid.at(-1);
  if (newest === undefined)
    throw new PosternError('conflict', `the endpoint ${provider}/${name} has no secret that is valid now`);
  const url = `${baseUrl}/webhooks/${provider}/${name}`;
  return { url, secret: openSecret(keyring, newest), settings: found.settings, account: found.account };
}

export async function findEndpoint(sql: Sql, provider: string, name: string): Promise<EndpointRow | undefined> {
  const all = await selectEndpoints(sql, { after: 0, limit: ENDPOINTS_MAX });
  return all.find((endpoint) => endpoint.provider === provider && endpoint.name === name);
}

/** Each run makes a secret: those of long ago would fill the endpoint's list. */
async function dropOldSecrets(tx: Tx, endpointId: number, now: number): Promise<void> {
  for (const { id, not_after: until } of (await selectSecrets(tx, [endpointId])).slice(0, -SECRETS_KEPT)) {
    if (until !== null && until.getTime() > now + OVERLAP_MS) continue;
    await deleteSecret(tx, endpointId, id);
  }
}
