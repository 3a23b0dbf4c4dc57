import { expect, it } from 'vitest';
import type { AccountProof, Proof } from '../../../src/reconcile/proof/prove.ts';
import { verdictOf } from '../../../src/reconcile/report/proof-sections.ts';

const HOLDS = { holds: true, stated: { closing: 5n, difference: 0n }, batchesClose: false, settlesElsewhere: false };
const CLOSE = { holds: true, stated: null, batchesClose: true, settlesElsewhere: false };
const UNPROVEN = { holds: true, stated: null, batchesClose: false, settlesElsewhere: false };
const FAILS = { holds: false, stated: null, batchesClose: true, settlesElsewhere: false };
const PAYERS = { ...UNPROVEN, settlesElsewhere: true };

it.each([
  [[], 'empty'],
  [[HOLDS, HOLDS], 'holds'],
  [[CLOSE], 'batches_close'],
  [[HOLDS, CLOSE], 'batches_close'],
  [[CLOSE, PAYERS], 'batches_close'],
  [[UNPROVEN, PAYERS], 'unproven'],
  [[CLOSE, UNPROVEN, HOLDS], 'unproven'],
  [[UNPROVEN, FAILS, CLOSE], 'fails'],
] as const)('the cover’s word is that of the account of which least is known: %#', (accounts, word) => {
  const proof: Proof = { accounts: accounts as unknown as readonly AccountProof[], lines: [], learned: [] };
  expect(verdictOf(proof)).toBe(word);
});
