import { PosternError } from '../errors.ts';
import { connectWaiting } from './connect.ts';
import { type Migration, readMigrations } from './migration-files.ts';
import { APP_ROLE, mayRunAsApp } from './roles.ts';
import { readSchemaState } from './schema-state.ts';

export type CheckedSchema = { role: typeof APP_ROLE | null; limited: string | null; serverVersion: number };

/** For `MIGRATE=off`: changes nothing, and stops the start with one line when the schema is not this release's. */
export async function checkSchema(
  url: string,
  { waitS = 10, migrations = readMigrations() }: { waitS?: number; migrations?: readonly Migration[] } = {},
): Promise<CheckedSchema> {
  const { client, serverVersion } = await connectWaiting(url, { waitS, applicationName: 'postern check' });
  try {
    const role = (await mayRunAsApp(client)) ? APP_ROLE : null;
    const state = await readSchemaState(client, migrations);
    switch (state.kind) {
      case 'current':
        return { role, limited: role === null ? `the login may not become ${APP_ROLE}` : null, serverVersion };
      case 'older':
        throw new PosternError(
          'database_schema',
          `the database lacks ${state.pending.map((one) => one.name).join(', ')}: run "npx postern migrate", or unset MIGRATE`,
        );
      case 'refused':
        throw new PosternError('database_schema', state.reason);
    }
  } finally {
    await client.end();
  }
}
