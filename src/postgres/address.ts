/**
 * Postgres is named by one URL everywhere: `DATABASE_URL`, or the embedded server's with its socket folder in `host`.
 * What we add to it goes into the URL too, because pg lets the URL win over options given beside it: an `options` in
 * `DATABASE_URL` would silently take away the role that the ledger's protection rests on.
 */
const POSTGRES_URL = /^(postgres(?:ql)?:\/\/[^/?#]*)(\/[^?#]*)?(\?[^#]*)?$/;

export function isPostgresUrl(text: string): boolean {
  return POSTGRES_URL.test(text);
}

/** The URL with `settings` set at the start of every session (`-c name=value`), before any query and without a round trip. */
export function withSettings(url: string, settings: Record<string, string>): string {
  const { base, path, query } = partsOf(url);
  const own = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`);
  query.set('options', [query.get('options'), ...own].filter(Boolean).join(' '));
  return `${base}${path}?${query}`;
}

/** The same server and login, another database. */
export function withDatabase(url: string, database: string): string {
  const { base, query } = partsOf(url);
  return `${base}/${encodeURIComponent(database)}${query.size > 0 ? `?${query}` : ''}`;
}

/** What a log or an error line may show of it: host and database, never the password. */
export function describeAddress(url: string): string {
  const { base, path, query } = partsOf(url);
  const host = query.get('host') ?? base.replace(/^.*(@|\/\/)/, '');
  return `${host === '' ? 'localhost' : host}${path}`;
}

/** A URL for a server reached over a Unix socket in `folder`. */
export function socketUrl(address: {
  folder: string;
  port: number;
  user: string;
  password: string;
  database: string;
}): string {
  const login = `${encodeURIComponent(address.user)}:${encodeURIComponent(address.password)}`;
  const query = new URLSearchParams({ host: address.folder, port: String(address.port) });
  return `postgresql://${login}@localhost/${encodeURIComponent(address.database)}?${query}`;
}

function partsOf(url: string): { base: string; path: string; query: URLSearchParams } {
  const match = POSTGRES_URL.exec(url);
  return { base: match?.[1] ?? url, path: match?.[2] ?? '', query: new URLSearchParams(match?.[3] ?? '') };
}
