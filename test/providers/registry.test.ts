import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { providerMatrix } from '../../scripts/provider-matrix.ts';
import { providers } from '../../src/providers/index.ts';

const folders = readdirSync('src/providers', { withFileTypes: true }).filter((entry) => entry.isDirectory());

it('has a line for every folder, and a folder for every line', () => {
  expect(folders.map(({ name }) => name).sort()).toEqual([...providers.keys()].sort());
});

it('finds the same furniture in every folder', () => {
  for (const { name } of folders) {
    const files = readdirSync(`src/providers/${name}`);
    for (const file of ['index.ts', 'webhook.ts', 'sign.ts']) {
      expect(files.includes(file), `src/providers/${name}/${file}`).toBe(true);
    }
    expect(existsSync(`test/providers/${name}/samples.ts`), `test/providers/${name}/samples.ts`).toBe(true);
  }
});

it("documents every adapter by the adapter's own facts (npm run matrix)", () => {
  expect(readFileSync('docs/providers.md', 'utf8')).toContain(providerMatrix(providers.values()));
});

it('keeps event rows no shorter than a processor tries, and says where each fact is from', () => {
  for (const { name, facts, api } of providers.values()) {
    if (facts.dedupHorizonDays !== null)
      expect(facts.dedupHorizonDays * 24, name).toBeGreaterThan(facts.retryHorizonHours);
    // What was forgotten would be taken in again by whoever lists it.
    if (facts.dedupHorizonDays !== null && api?.list !== undefined)
      expect(facts.dedupHorizonDays, name).toBeGreaterThanOrEqual(api.list.days);
    expect(facts.documentation.length, name).toBeGreaterThan(0);
    for (const url of facts.documentation) expect(url).toMatch(/^https:\/\/[^\s|]+$/);
    for (const [what, text] of Object.entries(facts.matrix)) expect(text, `${name} ${what}`).toMatch(/^\S[^\n]*\S$/);
  }
});
