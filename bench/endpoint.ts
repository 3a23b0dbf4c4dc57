import pg from 'pg';
import type { Database } from '../src/database.ts';
import { insertEndpoint, insertSecret } from '../src/endpoints/endpoint-store.ts';
import { sealSecret } from '../src/endpoints/sealing.ts';
import { withTransaction } from '../src/postgres/sql.ts';
import { uuidv7 } from '../src/uuid.ts';

export const BENCH_ENDPOINT = {
  path: '/webhooks/stripe/bench',
  secret: 'whsec_bench0123456789abcdefghijklmnop',
} as const;

/** The endpoint that is measured. */
export async function addBenchEndpoint({ url, keyring }: Pick<Database, 'url' | 'keyring'>): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    await withTransaction(pool, async (tx) => {
      const settings = { mode: 'test' };
      const id = await insertEndpoint(tx, { provider: 'stripe', name: 'bench', account: 'bench', settings });
      if (id === undefined) throw new Error('this database has been benched before: give the bench one of its own');
      const secretId = uuidv7(Date.now());
      const sealed = sealSecret(keyring, secretId, BENCH_ENDPOINT.secret);
      await insertSecret(tx, { id: secretId, endpointId: id, sealed, notBefore: null, notAfter: null });
    });
  } finally {
    await pool.end();
  }
}
