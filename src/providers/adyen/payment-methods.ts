/**
 * Payment methods without a separate capture: the money is taken when the payment is authorised, whatever the account's
 * capture delay. The names are Adyen's payment method variants (docs.adyen.com/payment-methods, "separate captures").
 */
const AT_ONCE = new Set(
  (
    'alipay alipay_hk alipay_wap bcmc bcmc_mobile blik boletobancario dana directEbanking doku dotpay duitnow ebanking_FI eps ' +
    'fpx gcash giropay gopay_wallet ideal kakaopay korea_payco multibanco mbway momo_atm momo_wallet naverpay oxxo paynow ' +
    'paysafecard pix pse safetypay sofort swish trustly unionpay_qr upi upi_collect upi_intent upi_qr ' +
    'wechatpay wechatpayMiniProgram wechatpayQR wechatpaySDK wechatpayWeb'
  ).split(' '),
);
const AT_ONCE_PREFIXES = [
  'bankTransfer_',
  'boletobancario_',
  'doku_',
  'econtext_',
  'molpay_',
  'onlineBanking_',
  'onlinebanking_',
];

/** True where an authorisation of this method is the capture. */
export function capturesAtOnce(method: string | undefined): boolean {
  return method !== undefined && (AT_ONCE.has(method) || AT_ONCE_PREFIXES.some((prefix) => method.startsWith(prefix)));
}
