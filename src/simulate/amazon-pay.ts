import { sign, signEnvelope } from '../providers/amazon-pay/sign.ts';
import { SIMULATED_CERTIFICATE_URL, SIMULATED_TOPIC } from '../providers/amazon-pay/simulated-settings.ts';
import { createSimulatedAuthority } from '../providers/paypal/simulated-authority.ts';
import { CURRENCIES, type Life, stableText, stableUuid } from './life.ts';
import { DIGITS } from './random.ts';
import type { SignedBody, SimulatedTarget, Simulator } from './simulator.ts';
import { inSteps, isoTime, type Step } from './told-event.ts';

/**
 * A life as Amazon Pay tells it through Amazon SNS: which object has changed, and nothing of its money
 * (developer.amazon.com, "Set up Instant Payment Notifications").
 */
const tellAmazonPay = inSteps((life, tell, account) => {
  const changed = (objectType: string, objectId: string): void =>
    tell((step) => message(life, account, { objectType, objectId }, step));
  const charge = `${permissionId(life)}-C${stableText(life, 'charge', 6, DIGITS)}`;
  changed('CHARGE_PERMISSION', permissionId(life));
  if (life.captures !== null) changed('CHARGE', charge);
  changed('CHARGE', charge);
  for (const index of life.refunds.keys()) {
    const refund = `${permissionId(life)}-R${stableText(life, `refund${index}`, 6, DIGITS)}`;
    changed('REFUND', refund);
    changed('REFUND', refund);
  }
  if (life.dispute !== null) changed('CHARGEBACK', `${permissionId(life)}-D${stableText(life, 'dispute', 6, DIGITS)}`);
});

type Changed = { readonly objectType: string; readonly objectId: string };
type Message = Readonly<Record<string, string>> & { readonly Type: 'Notification'; readonly Timestamp: string };

function message(life: Life, account: string, { objectType, objectId }: Changed, { n, at }: Step): Message {
  const notification = {
    MerchantID: account,
    ObjectType: objectType,
    ObjectId: objectId,
    ChargePermissionId: permissionId(life),
    NotificationType: 'STATE_CHANGE',
    NotificationId: stableUuid(life, `notification${n}`),
    NotificationVersion: 'V2',
  };
  return {
    Type: 'Notification',
    MessageId: stableUuid(life, `message${n}`),
    TopicArn: SIMULATED_TOPIC,
    Message: JSON.stringify(notification),
    Timestamp: isoTime(at),
  };
}

/** S: of the sandbox. */
function permissionId(life: Life): string {
  return `S02-${stableText(life, 'permission', 7, DIGITS)}-${stableText(life, 'permission#', 7, DIGITS)}`;
}

/** `change` is made before the message is signed, `spoil` after. */
function signed(
  body: Buffer,
  { url, secret }: SimulatedTarget,
  now: number,
  { change = {}, spoil = (text) => text }: { change?: { Timestamp?: string }; spoil?: (text: string) => string } = {},
): SignedBody {
  // `as`: the body is a message that was made above.
  const told = { ...(JSON.parse(body.toString()) as Message), ...change };
  const envelope = Buffer.from(spoil(signEnvelope(told, secret, SIMULATED_CERTIFICATE_URL).toString()));
  return { headers: sign({ body: envelope, url }, secret, now), body: envelope };
}

const STALE_MS = 20 * 86_400_000;

export const amazonPay: Simulator = {
  provider: 'amazon-pay',
  currencies: CURRENCIES,
  abilities: {
    captures: 'whole',
    captureFailure: 'none',
    fees: false,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'loss',
    payouts: 'none',
  },
  tell: tellAmazonPay,
  sign: (body, target, now) => signed(body, target, now),
  keys: {
    kind: 'pair',
    make(now) {
      const { certificatePem, privateKeyPem } = createSimulatedAuthority(now, 'sns.amazonaws.com');
      return { secret: null, settings: { simulated_certificate: certificatePem }, signsWith: privateKeyPem };
    },
  },
  settings: () => ({ mode: 'test', topic_arns: [SIMULATED_TOPIC] }),
  forgeries: {
    // Another object of the sandbox's: the one that was paid for, say.
    body: (body, target, now) =>
      signed(body, target, now, { spoil: (text) => text.replace('ObjectId\\":\\"S02', 'ObjectId\\":\\"S03') }),
    signature: (body, target, now) =>
      signed(body, target, now, {
        spoil: (text) => text.replace(/("Signature":")(.)/, (_, name, one) => name + (one === 'A' ? 'B' : 'A')),
      }),
    unsigned: (body, target, now) =>
      signed(body, target, now, { spoil: (text) => text.replace(/"Signature":"[^"]*",/, '') }),
    stale: (body, target, now) => signed(body, target, now, { change: { Timestamp: isoTime(now - STALE_MS) } }),
  },
};
