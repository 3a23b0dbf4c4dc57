import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/metrics.ts';
import { ALERT_CASES, ALL_WELL, type AlertCase } from './alert-cases.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RULES = join(ROOT, 'deploy/prometheus/postern.rules.yml');
const DASHBOARD = join(ROOT, 'deploy/grafana/postern.json');
const RUNBOOKS = join(ROOT, 'docs/runbooks');
const rules = readFileSync(RULES, 'utf8');
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

type Alert = { readonly name: string; readonly severity: string; readonly runbook: string };

/** Each alert with what is said of it: the file is ours, so lines are enough, and promtool reads it whole. */
const alerts: Alert[] = rules
  .split('- alert:')
  .slice(1)
  .map((text) => ({
    name: text.trim().split('\n')[0] ?? '',
    severity: /severity: (\w+)/.exec(text)?.[1] ?? '',
    runbook: /runbook: (\S+)/.exec(text)?.[1] ?? '',
  }));

async function metricNames(): Promise<Set<string>> {
  const { registry } = createMetrics({ process: true });
  return new Set((await registry.getMetricsAsJSON()).map(({ name }) => name));
}

/** The names of ours in a text, without what a histogram adds to its own. */
function named(text: string): string[] {
  const found = text.match(/\bpostern_[a-z0-9_]+/g) ?? [];
  return [
    ...new Set(found.map((name) => name.replace(/_(bucket|sum|count)$/, (end) => (isHistogram(name) ? '' : end)))),
  ];
}

function isHistogram(name: string): boolean {
  return /_(seconds|size)_(bucket|sum|count)$/.test(name);
}

describe('alerts', () => {
  it('have a severity, and a runbook that is there and tells of them', () => {
    expect(alerts.length).toBeGreaterThan(20);
    for (const { name, severity, runbook } of alerts) {
      expect(['warning', 'critical'], name).toContain(severity);
      expect(existsSync(join(ROOT, runbook)), `${name}: ${runbook}`).toBe(true);
      expect(readFileSync(join(ROOT, runbook), 'utf8'), name).toContain(name);
    }
  });

  it('are each tried, firing and at least the noisy ones silent', () => {
    const fired = new Set(ALERT_CASES.filter(({ fires }) => fires.length > 0).map(({ alert }) => alert));
    expect(alerts.map(({ name }) => name).filter((name) => !fired.has(name))).toEqual([]);
  });

  it('ask only for metrics that there are', async () => {
    const names = await metricNames();
    expect(named(rules).filter((name) => !names.has(name))).toEqual([]);
  });

  it.skipIf(!hasPromtool)('are read by Prometheus', () => {
    expect(execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })).toContain('SUCCESS');
    expect(
      execFileSync('promtool', ['check', 'config', '--syntax-only', join(ROOT, 'deploy/prometheus/prometheus.yml')], {
        encoding: 'utf8',
      }),
    ).toContain('SUCCESS');
  });

  it.skipIf(!hasPromtool)(
    'fire when they should and not otherwise, as Prometheus evaluates them',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'postern-alerts-'));
      try {
        const file = join(folder, 'cases.json');
        // JSON is YAML.
        writeFileSync(
          file,
          JSON.stringify({
            rule_files: [RULES],
            evaluation_interval: '1m',
            tests: [wellTest(), ...ALERT_CASES.map(caseTest)],
          }),
        );
        const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
        expect(stdout + stderr).toContain('SUCCESS');
        expect(status).toBe(0);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    60_000,
  );
});

describe('the dashboard', () => {
  const text = readFileSync(DASHBOARD, 'utf8');

  it('asks only for metrics that there are, and has no two panels of one id', async () => {
    const names = await metricNames();
    expect(named(text).length).toBeGreaterThan(15);
    expect(named(text).filter((name) => !names.has(name))).toEqual([]);
    const { panels } = JSON.parse(text) as { panels: { id: number; title: string }[] };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it.skipIf(!hasPromtool)('asks in the language of Prometheus', () => {
    const { panels } = JSON.parse(text) as { panels: { title: string; targets?: { expr: string }[] }[] };
    const folder = mkdtempSync(join(tmpdir(), 'postern-dashboard-'));
    try {
      const file = join(folder, 'queries.json');
      const queries = panels.flatMap(({ targets = [] }) =>
        targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m')),
      );
      expect(queries.length).toBeGreaterThan(15);
      const rulesOf = queries.map((expr, n) => ({ record: `query:${n}`, expr }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: rulesOf }] }));
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', '--lint=none', file], {
        encoding: 'utf8',
      });
      expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('runbooks', () => {
  const pages = readdirSync(RUNBOOKS).filter((name) => name.endsWith('.md'));

  it('are there for what goes wrong', () => {
    expect(pages).toEqual(
      expect.arrayContaining([
        'processor-down.md',
        'wrong-secret.md',
        'queue-growing.md',
        'dead-letters.md',
        'database-away.md',
        'disk-full.md',
        'gap-found.md',
        'books-do-not-verify.md',
      ]),
    );
  });

  it.each(pages)('%s links only to files that are there', (page) => {
    const text = readFileSync(join(RUNBOOKS, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g))
      expect(existsSync(join(RUNBOOKS, target)), target).toBe(true);
  });

  it.each(pages)('%s asks only for metrics that there are', async (page) => {
    const names = await metricNames();
    expect(named(readFileSync(join(RUNBOOKS, page), 'utf8')).filter((name) => !names.has(name))).toEqual([]);
  });
});

function caseTest({ what, change, without, after, alert, fires }: AlertCase) {
  const series = change === null ? {} : { ...ALL_WELL, ...change };
  const severity = alerts.find(({ name }) => name === alert)?.severity ?? '';
  return {
    name: `${alert}: ${what}`,
    interval: '1m',
    input_series: inputs(without === undefined ? series : omit(series, without)),
    promql_expr_test: [
      {
        expr: `ALERTS{alertstate="firing",alertname="${alert}"}`,
        eval_time: after,
        exp_samples: fires.map((labels) => ({
          labels: `ALERTS${selector({ alertname: alert, alertstate: 'firing', severity, ...labels })}`,
          value: 1,
        })),
      },
    ],
  };
}

function wellTest() {
  return {
    name: 'all is well',
    interval: '1m',
    input_series: inputs(ALL_WELL),
    promql_expr_test: [{ expr: 'ALERTS', eval_time: '2h', exp_samples: [] }],
  };
}

function inputs(series: Readonly<Record<string, string>>): { series: string; values: string }[] {
  return Object.entries(series).map(([name, values]) => ({ series: name, values }));
}

function omit(series: Readonly<Record<string, string>>, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(series).filter(([one]) => one !== name));
}

function selector(labels: Readonly<Record<string, string>>): string {
  return `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')}}`;
}
