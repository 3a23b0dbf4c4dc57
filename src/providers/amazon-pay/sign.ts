import { sign as signBytes } from 'node:crypto';
import type { EndpointSettings } from '../provider.ts';
import { type Envelope, signedText } from './envelope.ts';

/** The headers SNS would send; the signature is in the body, see `signEnvelope`. */
export function sign(
  request: { readonly body: Buffer; readonly url: string },
  _secret: string,
  _now: number,
  _settings: EndpointSettings = {},
): Array<[string, string]> {
  const type = /"Type" ?: ?"([A-Za-z]{1,40})"/.exec(request.body.toString('utf8'))?.[1] ?? 'Notification';
  return [
    ['content-type', 'text/plain; charset=UTF-8'],
    ['user-agent', 'Amazon Simple Notification Service Agent'],
    ['x-amz-sns-message-type', type],
  ];
}

/** An SNS message with its Signature put in. `privateKey` is PEM and belongs to the certificate under `certificateUrl`. */
export function signEnvelope(
  message: Readonly<Record<string, string>> & { readonly Type: Envelope['type'] },
  privateKey: string,
  certificateUrl: string,
  version: '1' | '2' = '2',
): Buffer {
  const text = signedText({ type: message.Type, tree: { ...message } });
  const signature = signBytes(version === '1' ? 'RSA-SHA1' : 'RSA-SHA256', Buffer.from(text), privateKey);
  const signed = {
    ...message,
    SignatureVersion: version,
    Signature: signature.toString('base64'),
    SigningCertURL: certificateUrl,
  };
  return Buffer.from(JSON.stringify(signed));
}
