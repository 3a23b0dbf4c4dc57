import { readFileSync, writeFileSync } from 'node:fs';
import { providers } from '../src/providers/index.ts';
import { providerMatrix } from './provider-matrix.ts';

/** Writes the matrix into docs/providers.md, between its two marks: `npm run matrix`. */
const FILE = 'docs/providers.md';
const MARKS = /(<!-- made by npm run matrix -->\n)[\s\S]*(\n<!-- end -->)/;

const text = readFileSync(FILE, 'utf8');
if (!MARKS.test(text)) throw new Error(`${FILE} lacks the marks between which the matrix stands`);
writeFileSync(
  FILE,
  text.replace(MARKS, (_, begin: string, end: string) => `${begin}\n${providerMatrix(providers.values())}\n${end}`),
);
