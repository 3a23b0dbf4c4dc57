import type { FeeLook } from '../../src/ledger/draft.ts';
import { draftsOf } from '../../src/ledger/rules.ts';
import type { Told } from '../../src/ledger/told.ts';

/**
 * What is left open when all of this is told, by the ledger's own rules and without a database: each effect once, a fee
 * recognised only where nobody announced one. `account[reference] component currency` → balance.
 */
export function openItems(provider: string, told: readonly Told[]): Record<string, bigint> {
  const context = { provider, account: 'main', marketplace: null };
  // What stands under its key stands.
  const drafts = new Map(
    told
      .flatMap((one) => draftsOf(one, context))
      .map((draft) => [draft.key, draft] as const)
      .reverse(),
  );
  const looks = (kind: FeeLook['kind']) =>
    [...drafts.values()].flatMap(({ look }) => (look?.kind === kind && 'reference' in look ? [look.reference] : []));
  const announced = new Set(looks('fee_announced'));
  const open = new Map<string, bigint>();
  for (const { look, legs } of drafts.values()) {
    if (look?.kind === 'fee_recognised' && announced.has(look.reference)) continue;
    for (const leg of legs) {
      if (leg.reference === null || leg.account.path.startsWith('memo:')) continue;
      const account = leg.account.path.split(':').slice(0, 2).join(':');
      const name = `${account}[${leg.reference}] ${leg.component ?? '-'} ${leg.currency}`;
      open.set(name, (open.get(name) ?? 0n) + leg.amount);
    }
  }
  return Object.fromEntries([...open].filter(([, balance]) => balance !== 0n));
}
