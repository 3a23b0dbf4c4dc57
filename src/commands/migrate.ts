import type { Command } from 'commander';
import type { CommandContext } from './context.ts';

export function register(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description('bring the database to this release; safe to run again, and beside a running gateway')
    .addHelpText('after', '\nExample:\n  DATABASE_URL=postgresql://postern@localhost/postern npx postern migrate')
    .action(async () => {
      const migrated = await context.withDatabase(
        async ({ applied, serverVersion, role, limited }) => ({
          applied,
          server_version: serverVersion,
          role,
          limited,
        }),
        // Also where MIGRATE=off: that is for the gateway, and this is how it is done instead.
        { migrating: true },
      );
      if (context.json) return context.out(JSON.stringify(migrated, null, 2));
      const { applied, limited } = migrated;
      context.out(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`);
      if (limited !== null) context.out(`Only triggers protect the ledger: ${limited}`);
    });
}
