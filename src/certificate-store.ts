import type { Sql } from './postgres/sql.ts';

/** A certificate (or chain) as it was under `url`. Times in unix ms. */
export type StoredCertificate = {
  readonly url: string;
  readonly pem: string;
  readonly fetchedAt: number;
  readonly expiresAt: number;
};

export type CertificateStore = {
  load(): Promise<StoredCertificate[]>;
  save(certificate: StoredCertificate): Promise<void>;
};

const ROWS_MAX = 1_000;

export function createCertificateStore(sql: Sql): CertificateStore {
  return { load: () => loadCertificates(sql), save: (certificate) => saveCertificate(sql, certificate) };
}

async function loadCertificates(sql: Sql): Promise<StoredCertificate[]> {
  const { rows } = await sql.query<{ url: string; pem: string; fetched_at: Date; expires_at: Date }>(
    `select url, pem, fetched_at, expires_at
       from postern.certificates
      order by fetched_at desc
      limit ${ROWS_MAX}`,
  );
  return rows.map((row) => ({
    url: row.url,
    pem: row.pem,
    fetchedAt: row.fetched_at.getTime(),
    expiresAt: row.expires_at.getTime(),
  }));
}

/** Two instances may fetch the same certificate: the later fetch stays. */
async function saveCertificate(sql: Sql, certificate: StoredCertificate): Promise<void> {
  await sql.query(
    `insert into postern.certificates (url, pem, fetched_at, expires_at)
     values ($1, $2, $3, $4)
     on conflict (url) do update
        set pem = excluded.pem, fetched_at = excluded.fetched_at, expires_at = excluded.expires_at
      where postern.certificates.fetched_at <= excluded.fetched_at`,
    [certificate.url, certificate.pem, new Date(certificate.fetchedAt), new Date(certificate.expiresAt)],
  );
}
