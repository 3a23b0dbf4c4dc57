import type { Metrics } from '../metrics.ts';
import { sqlStateOf } from './sql.ts';

const TRIES = 3;

/** Runs again at once what Postgres ended to resolve a deadlock (40P01, 40001), three times in all, and counts each. */
export async function retryingDeadlocks<T>(metrics: Metrics, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const state = sqlStateOf(error);
      if (state !== '40P01' && state !== '40001') throw error;
      metrics.serializationFailures.inc({ sqlstate: state });
      if (tries >= TRIES) throw error;
    }
  }
}
