import { PosternError } from '../../errors.ts';
import type { EndpointSettings } from '../provider.ts';
import { digest, keyPair } from './key-pairs.ts';

/** The headers Braintree would send; the signature is in the body, see `signForm`. */
export function sign(
  _request: { readonly body: Buffer; readonly url: string },
  _secret: string,
  _now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  return [
    ['content-type', 'application/x-www-form-urlencoded'],
    ['user-agent', 'Braintree Webhooks'],
  ];
}

const LINE_CHARS = 60;

/** The body of a notification with this XML, signed with `publicKey:privateKey`. @throws PosternError `internal` for another secret. */
export function signForm(xml: Buffer, secret: string): Buffer {
  const lines = xml.toString('base64').match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? [];
  return signPayload(`${lines.join('\n')}\n`, secret);
}

/** The body of a notification with a payload that is in base64 already. */
export function signPayload(payload: string, secret: string): Buffer {
  const key = keyPair({ id: '', secret });
  if (key === null) throw new PosternError('internal', 'to sign as Braintree takes a publicKey:privateKey');
  const form = new URLSearchParams({ bt_signature: `${key.publicKey}|${digest(key, payload)}`, bt_payload: payload });
  return Buffer.from(form.toString());
}
