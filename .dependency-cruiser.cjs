/**
 * "Data only ever moves to the right" (docs/architecture.md), checked: providers and the ledger know nobody, ingest puts
 * them together, the API and the commands stand on top.
 */
const only = (from, allowed, why) => ({
  name: `${from}-imports`,
  comment: why,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: [`^src/${from}/`, ...allowed] },
});
const plumbing = '^src/[^/]+\\.ts$';
const composition = '^src/(main|app|gateway)\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '^src/main\\.ts$' }, to: {} },
    only('providers', [plumbing], 'an adapter is pure functions over bytes and values'),
    only('ledger', [plumbing, '^src/postgres/'], 'the ledger knows nothing of providers or HTTP'),
    only('postgres', [plumbing], 'the plumbing knows nobody'),
    only('endpoints', [plumbing, '^src/(postgres|providers)/'], 'endpoints are configuration of providers'),
    only('access', [plumbing, '^src/postgres/'], 'who may call is nobody else\'s business'),
    only('ingest', [plumbing, '^src/(postgres|providers|endpoints|ledger)/'], 'ingest puts providers and ledger together'),
    only('transfers', [plumbing, '^src/(postgres|ledger)/'], 'what services ask goes to the ledger alone'),
    only('reconcile', [plumbing, '^src/(postgres|providers|endpoints|ledger)/'], 'reconcile puts reports, statements and the ledger together'),
    {
      name: 'worlds-know-no-readers',
      comment: 'what is to be found is told by the truth and the specification, never by the code that looks for it',
      severity: 'error',
      from: { path: '^src/simulate/world/' },
      to: { path: '^src/', pathNot: [plumbing, '^src/simulate/', '^src/providers/provider\\.ts$'] },
    },
    only('api', [plumbing, '^src/(postgres|providers|endpoints|ledger|ingest|transfers|reconcile|access)/'], 'the API reads what the house holds'),
    {
      name: 'nobody-imports-the-composition',
      severity: 'error',
      from: { path: '^src/', pathNot: [composition, '^src/commands/'] },
      to: { path: composition },
    },
    {
      name: 'adapters-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/providers/([^/]+)/' },
      to: { path: '^src/providers/[^/]+/', pathNot: '^src/providers/$1/' },
    },
    { name: 'src-imports-no-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|bench|scripts)/' } },
    {
      name: 'no-dev-dependencies-at-run-time',
      severity: 'error',
      from: { path: '^(src|bin)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    parser: 'swc',
    enhancedResolveOptions: { extensions: ['.ts', '.mjs', '.js', '.cjs'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
