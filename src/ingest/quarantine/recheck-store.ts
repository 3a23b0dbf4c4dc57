import { uuidTextArray } from '../../postgres/binary-arrays.ts';
import type { Sql, Tx } from '../../postgres/sql.ts';

/** A quarantined request as it is verified again. */
export type QuarantinedRequest = {
  readonly id: string;
  readonly received_at: Date;
  readonly reason: string;
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly source_ip: string;
  readonly headers: string;
  readonly body: Buffer;
};

/** In the order they came; `after` is the id of the last one of the page before. */
export async function selectQuarantined(
  sql: Sql,
  endpointId: number,
  page: { after: string | null; limit: number },
): Promise<QuarantinedRequest[]> {
  const { rows } = await sql.query<QuarantinedRequest>(
    `select id, received_at, reason, method, origin, path, source_ip, headers, body from postern.quarantine
     where endpoint_id = $1 and ($2::uuid is null or id > $2) order by id limit $3`,
    [endpointId, page.after, page.limit],
  );
  return rows;
}

/** Those of them that are still there. The caller holds the endpoint's lock: two who recheck must not both take one in. */
export async function selectStillThere(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await tx.query<{ id: string }>('select id from postern.quarantine where id = any($1::uuid[])', [
    uuidTextArray(ids),
  ]);
  return new Set(rows.map((row) => row.id));
}

export async function countQuarantined(sql: Sql, endpointId: number): Promise<number> {
  const { rows } = await sql.query<{ n: bigint }>(
    'select count(*) as n from postern.quarantine where endpoint_id = $1',
    [endpointId],
  );
  return Number(rows[0]?.n ?? 0);
}
