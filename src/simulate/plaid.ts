import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { sign } from '../providers/plaid/sign.ts';
import { currencies } from './life.ts';
import { inHeaders, type Simulator, withSignatureOfAnother } from './simulator.ts';
import { inSteps } from './told-event.ts';

const signed = inHeaders(sign);

/** A life as Plaid Transfer tells it: only that there are events, which are asked for (plaid.com/docs/api/products/transfer/reading-transfers). */
const tellPlaid = inSteps((life, tell) => {
  const hint = { webhook_type: 'TRANSFER', webhook_code: 'TRANSFER_EVENTS_UPDATE', environment: 'sandbox' };
  const movements = 1 + Number(life.captureFails) + life.refunds.length + Number(life.payout !== null);
  // Plaid writes its JSON with two blanks, which its hash of the body depends on.
  for (let told = 0; told < movements; told += 1) tell(() => JSON.stringify(hint, null, 2));
});

export const plaid: Simulator = {
  provider: 'plaid',
  currencies: currencies('USD'),
  abilities: {
    captures: 'at_once',
    captureFailure: 'any',
    fees: false,
    refunds: 'many',
    refundFailure: 'at_once',
    disputes: 'none',
    payouts: 'may_fail',
  },
  tell: tellPlaid,
  sign: signed,
  keys: {
    kind: 'pair',
    make() {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const about = { alg: 'ES256', use: 'sig', kid: randomUUID(), expired_at: null };
      return {
        secret: JSON.stringify({ ...publicKey.export({ format: 'jwk' }), ...about }),
        settings: {},
        signsWith: JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: about.kid }),
      };
    },
  },
  settings: () => ({ mode: 'test' }),
  forgeries: { signature: withSignatureOfAnother(signed) },
};
