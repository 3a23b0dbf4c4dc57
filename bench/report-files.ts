/** Files in the layouts of Stripe's and Adyen's reports, of any number of rows, that prove what their readers check. */

const STRIPE_HEADER =
  'automatic_payout_id,automatic_payout_effective_at,balance_transaction_id,created,available_on,currency,gross,fee,net,' +
  'reporting_category,source_id,charge_id,payment_intent_id,customer_facing_amount,customer_facing_currency,' +
  'payment_method_type,card_brand,card_country,card_funding,description';
const ADYEN_HEADER =
  'Company Account,Merchant Account,Psp Reference,Merchant Reference,Payment Method,Creation Date,TimeZone,Type,' +
  'Modification Reference,Gross Currency,Gross Debit (GC),Gross Credit (GC),Exchange Rate,Net Currency,Net Debit (NC),' +
  'Net Credit (NC),Commission (NC),Markup (NC),Scheme Fees (NC),Interchange (NC),Payment Method Variant,' +
  'Modification Merchant Reference,Batch Number,Reserved4,Reserved5,Reserved6,Reserved7,Reserved8,Reserved9,Reserved10,' +
  'Booking Date,Booking Date TimeZone';

/** Rows of one payout: sales, and the payout that closes it. */
const ROWS_A_PAYOUT = 2_000;

/** Payout reconciliation, itemised: `rows` sales in payouts of 2,000. */
export function stripeReport(rows: number): Buffer {
  const lines = [STRIPE_HEADER];
  let paid = 0;
  for (let n = 0; n < rows; n += 1) {
    const payout = `po_1QxAbCdEfGhIjK${String(Math.floor(n / ROWS_A_PAYOUT)).padStart(8, '0')}`;
    const id = String(n).padStart(10, '0');
    const gross = 1_000 + ((n * 37) % 9_000);
    const fee = 25 + Math.floor(gross / 70);
    const time = moment(n);
    paid += gross - fee;
    lines.push(
      `${payout},2026-02-06 00:00:00,txn_3QxAbCdEfGhI${id},${time},2026-02-05 00:00:00,eur,${major(gross)},${major(fee)},` +
        `${major(gross - fee)},charge,ch_3QxAbCdEfGhI${id},ch_3QxAbCdEfGhI${id},pi_3QxAbCdEfGhI${id},${major(gross)},eur,` +
        `card,visa,DE,credit,Order ${n}`,
    );
    if ((n + 1) % ROWS_A_PAYOUT !== 0 && n + 1 < rows) continue;
    lines.push(
      `${payout},2026-02-06 00:00:00,txn_po${id},2026-02-06 00:00:00,2026-02-06 00:00:00,eur,-${major(paid)},0.00,` +
        `-${major(paid)},payout,${payout},,,,,,,,,STRIPE PAYOUT`,
    );
    paid = 0;
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Settlement details of one batch: `rows` sales and the payout that closes it. */
export function adyenReport(rows: number): Buffer {
  const lines = [ADYEN_HEADER];
  let paid = 0;
  for (let n = 0; n < rows; n += 1) {
    const gross = 1_000 + ((n * 37) % 9_000);
    const [markup, scheme, interchange] = [Math.floor(gross / 200), 3, Math.floor(gross / 400)];
    const net = gross - markup - scheme - interchange;
    paid += net;
    lines.push(
      `ExampleCo,ShopNL,88350${String(n).padStart(11, '0')},order-${n},visa,${moment(n)},CET,Settled,` +
        `99350${String(n).padStart(11, '0')},EUR,,${major(gross)},1,EUR,,${major(net)},,${major(markup)},${major(scheme)},` +
        `${major(interchange)},visastandardcredit,<auto>,7,,,,,,,,2026-02-06 23:50:00,CET`,
    );
  }
  lines.push(
    `ExampleCo,ShopNL,,,,2026-02-06 23:50:00,CET,MerchantPayout,"TX835000000XT batch 7, ShopNL",,,,,EUR,${major(paid)},` +
      ',,,,,,,7,,,,,,,,2026-02-06 23:50:00,CET',
  );
  return Buffer.from(`${lines.join('\n')}\n`);
}

function moment(n: number): string {
  return new Date(Date.UTC(2026, 1, 2) + n * 300).toISOString().slice(0, 19).replace('T', ' ');
}

function major(minor: number): string {
  return (minor / 100).toFixed(2);
}
