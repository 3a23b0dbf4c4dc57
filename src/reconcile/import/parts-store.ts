import type { Sql, Tx } from '../../postgres/sql.ts';
import { lockAccount, type SettlementBegin } from './settlement-store.ts';

/** Under this number stands the hash of a part's bytes, which outlives them: the part again is known by it. */
export const HASH_CHUNK = -1;

/** The settlement that waits for the parts of this report: there is one, or this becomes it. */
export async function takeWaiting(tx: Tx, s: SettlementBegin & { readonly partKey: string }): Promise<string> {
  await lockAccount(tx, s);
  const { rows } = await tx.query<{ id: string }>(
    `select id from postern.settlements where provider = $1 and account = $2 and part_key = $3 and status = 'waiting' and format = $4`,
    [s.provider, s.account, s.partKey, s.format],
  );
  const [standing] = rows;
  if (standing !== undefined) return standing.id;
  await tx.query(
    `insert into postern.settlements (id, provider, account, endpoint_id, format, moves_money, mode, status, part_key, actor, file_name)
     values ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9, $8)`,
    [s.id, s.provider, s.account, s.endpointId, s.format, s.movesMoney, s.mode, s.partKey, s.actor],
  );
  return s.id;
}

export async function insertChunk(
  sql: Sql,
  settlement: string,
  c: { part: number; chunk: number; fileName: string | null; isLast: boolean; bytes: Buffer },
): Promise<void> {
  await sql.query(
    `insert into postern.settlement_parts (settlement_id, part, chunk, file_name, is_last, bytes) values ($1, $2, $3, $4, $5, $6)
     on conflict (settlement_id, part, chunk) do update set bytes = excluded.bytes, file_name = excluded.file_name, is_last = excluded.is_last`,
    [settlement, c.part, c.chunk, c.fileName, c.isLast, c.bytes],
  );
}

/** A part that is whole takes the place of one that came before under its number. */
export async function settlePart(
  tx: Tx,
  settlement: string,
  { number, last }: { readonly number: number; readonly last: boolean },
  { chunks, sha256 }: { readonly chunks: number; readonly sha256: Buffer },
): Promise<void> {
  await tx.query(
    'delete from postern.settlement_parts where settlement_id = $1 and (part = $2::int4 or part = -($2::int4) and chunk >= $3)',
    [settlement, number, chunks],
  );
  await tx.query(
    'update postern.settlement_parts set part = $2::int4 where settlement_id = $1 and part = -($2::int4)',
    [settlement, number],
  );
  await insertChunk(tx, settlement, {
    part: number,
    chunk: HASH_CHUNK,
    fileName: null,
    isLast: last,
    bytes: sha256,
  });
}

export async function keptParts(tx: Tx, settlement: string): Promise<{ part: number; is_last: boolean }[]> {
  const { rows } = await tx.query<{ part: number; is_last: boolean }>(
    `select part, is_last from postern.settlement_parts where settlement_id = $1 and chunk = ${HASH_CHUNK} and part > 0 order by part`,
    [settlement],
  );
  return rows;
}

export async function partChunk(sql: Sql, settlement: string, part: number, chunk: number): Promise<Buffer | null> {
  const { rows } = await sql.query<{ bytes: Buffer }>(
    'select bytes from postern.settlement_parts where settlement_id = $1 and part = $2 and chunk = $3',
    [settlement, part, chunk],
  );
  return rows[0]?.bytes ?? null;
}

/** The import that is done and had these bytes as one of its parts. */
export async function findByPart(
  sql: Sql,
  { provider, account, sha256 }: { provider: string; account: string; sha256: Buffer },
): Promise<string | null> {
  const { rows } = await sql.query<{ id: string }>(
    `select s.id from postern.settlements s join postern.settlement_parts p on p.settlement_id = s.id
     where s.provider = $1 and s.account = $2 and s.part_key is not null and s.status in ('imported', 'amended')
       and p.chunk = ${HASH_CHUNK} and p.bytes = $3 limit 1`,
    [provider, account, sha256],
  );
  return rows[0]?.id ?? null;
}

/** For whoever looks at what waits. */
export async function noteMissing(tx: Tx, settlement: string, note: string | null): Promise<void> {
  await tx.query(`update postern.settlements set note = $2 where id = $1 and status = 'waiting'`, [settlement, note]);
}

/** Takes a part back; with the last of them goes the settlement that waited for the others. */
export async function forgetPart(tx: Tx, settlement: string, part: number): Promise<void> {
  await tx.query('delete from postern.settlement_parts where settlement_id = $1 and abs(part) = $2', [
    settlement,
    part,
  ]);
  await tx.query(
    `delete from postern.settlements s where id = $1 and status = 'waiting'
       and not exists (select from postern.settlement_parts p where p.settlement_id = s.id)`,
    [settlement],
  );
}

/** What was kept of a report's files while the others were waited for. */
export async function dropChunks(tx: Tx, settlement: string): Promise<void> {
  await tx.query(`delete from postern.settlement_parts where settlement_id = $1 and chunk <> ${HASH_CHUNK}`, [
    settlement,
  ]);
}
