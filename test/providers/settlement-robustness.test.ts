import { describe, expect, it } from 'vitest';
import { providers } from '../../src/providers/index.ts';
import type { SettlementFormat } from '../../src/providers/settlement-format.ts';
import { createRandom } from '../support/random.ts';
import { faultsOf, itemsOf } from '../support/report-items.ts';
import { fixture } from '../support/settlement-fixtures.ts';

/** `proves`: the file states what it comes to, so that no row can be lost or changed unseen. */
const REPORTS: readonly (readonly [provider: string, format: string, file: string, proves: RegExp | null])[] = [
  ['paypal', 'settlement', 'STL-20260302.01.009.CSV', /^"SB"/],
  ['paypal', 'transaction_detail', 'TRR-20260302.01.008.CSV', null],
  ['paypal', 'subscription_agreements', 'SAR-20260302.01.001.CSV', null],
  ['paypal', 'activity', 'activity-de.csv', null],
  ['checkout', 'financial_actions', 'financial-actions_ent_made_20260303_0000MADE01_1.csv', null],
  ['checkout', 'settlement_breakdown', 'settlement-breakdown_ent_made_20260303_0000MADE01_1.csv', null],
  ['checkout', 'payouts', 'payouts_ent_made_20260302_20260303_1.csv', null],
  ['klarna', 'settlement', 'XISA93DJ.csv', /^(?:SALE|FEE|RETURN|HOLDBACK);/],
  ['worldpay', 'transfer_batch', 'transfer-batch-4711.csv', /^4711,/],
];
const TRIES = 150;

function formatOf(provider: string, name: string): SettlementFormat {
  const format = providers.get(provider)?.settlements?.find((one) => one.name === name);
  if (format === undefined) throw new Error(`${provider} has no format ${name}`);
  return format;
}

describe.each(REPORTS)('%s %s', (provider, name, file, proves) => {
  const format = formatOf(provider, name);
  const text = fixture(provider, file);

  it('never throws, and never makes a line that contradicts itself', async () => {
    const { below } = createRandom(7);
    const NOISE = ['"', ',', ';', '\n', '\r', '\0', '0', '9', '-', '.', 'é', '', '""', '\uFEFF'];
    for (let n = 0; n < TRIES; n += 1) {
      let broken = text;
      for (let times = below(4); times >= 0; times -= 1) {
        const at = below(broken.length);
        broken = broken.slice(0, at) + (NOISE[below(NOISE.length)] ?? '') + broken.slice(at + below(3));
      }
      if (below(4) === 0) broken = broken.slice(0, below(broken.length));
      await itemsOf(format, broken, {}, 1 + below(500));
    }
  });

  if (proves === null) return;

  it('misses no row, and no digit of an amount', async () => {
    const lines = text.split('\n');
    for (const [n, line] of lines.entries()) {
      if (!proves.test(line)) continue;
      const without = lines.filter((_, at) => at !== n).join('\n');
      expect(faultsOf(await itemsOf(format, without)).length, `without ${line}`).toBeGreaterThan(0);
      const twice = [...lines.slice(0, n), line, ...lines.slice(n)].join('\n');
      expect(faultsOf(await itemsOf(format, twice)).length, `twice ${line}`).toBeGreaterThan(0);
      for (const match of line.matchAll(/(?<=[,;"-])\d+(?:\.\d\d)?(?=[,;])/g)) {
        const amount = match[0];
        // Ids look like amounts, too: what has cents, or a side before it, is one. Nothing states what another currency was.
        const isAmount = amount.includes('.') || /"(?:CR|DR)",$/.test(line.slice(0, match.index));
        if (!isAmount || line.includes(',USD,50.00')) continue;
        const digit = amount.at(-1) === '9' ? '8' : '9';
        const changed =
          line.slice(0, match.index) + amount.slice(0, -1) + digit + line.slice(match.index + amount.length);
        const other = [...lines.slice(0, n), changed, ...lines.slice(n + 1)].join('\n');
        expect(faultsOf(await itemsOf(format, other)).length, `${amount} in ${line}`).toBeGreaterThan(0);
      }
    }
  });
});
