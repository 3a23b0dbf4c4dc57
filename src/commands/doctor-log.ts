import { logSize, newestHead, oldestWriter, sealLag } from '../ledger/log-store.ts';
import type { Sql } from '../postgres/sql.ts';
import { type Check, ok } from './doctor-check.ts';

const COUNTED_MAX = 10_000;
const LAG_S_MAX = 60;

/** Whether transactions and audit entries get into the log: until then nothing proves what they say. */
export async function ledgerLog(sql: Sql): Promise<Check> {
  const name = 'ledger_log';
  const [size, lag, head] = [await logSize(sql), await sealLag(sql, COUNTED_MAX), await newestHead(sql)];
  const sealed = `${size} transactions and audit entries sealed`;
  if (lag.seconds <= LAG_S_MAX) {
    const signed = head === null ? 'no head signed yet' : `the last head signed at ${head.signedAt.toISOString()}`;
    return ok(name, size === 0 ? 'nothing is sealed yet' : `${sealed}, ${signed}`);
  }
  const holder = await oldestWriter(sql);
  const many = lag.entries >= COUNTED_MAX ? `${COUNTED_MAX} or more` : String(lag.entries);
  const found = `${sealed}; ${many} are not, the oldest since ${Math.round(lag.seconds)} s`;
  return holder === null
    ? { name, status: 'warning', found, mend: 'run `npx postern work` or `start`: they seal' }
    : {
        name,
        status: 'warning',
        found: `${found}; the oldest transaction that writes is of "${holder.name}" (pid ${holder.pid})${
          holder.since === null ? '' : `, since ${holder.since.toISOString()}`
        }`,
        mend: `nothing younger is sealed before it ends: end it (select pg_terminate_backend(${holder.pid})) if it is none of the gateway's; else run \`npx postern work\` or \`start\``,
      };
}
