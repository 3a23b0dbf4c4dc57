import type { ReportFault } from '../../providers/settlement-format.ts';

type Batches = readonly { readonly batch: string; readonly currency: string }[];

/** That of the fault's amounts, of its batch, or of the whole report; null where there are several. */
export function faultCurrency({ batch, difference }: ReportFault, batches: Batches): string | null {
  if (difference !== undefined) return difference.currency;
  const mine = batches.filter((one) => one.batch === batch);
  const currencies = new Set((mine.length > 0 ? mine : batches).map(({ currency }) => currency));
  const [only] = currencies;
  return currencies.size === 1 && only !== undefined ? only : null;
}
