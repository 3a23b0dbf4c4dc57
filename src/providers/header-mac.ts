import type { RejectReason, Verdict, VerifyContext, WebhookRequest } from './provider.ts';
import { headerValues, hmacSha256, safeEqual } from './signature.ts';

/** One header holds the HMAC-SHA256 of the raw body, keyed with the secret's text. */
export type HeaderMac = {
  /** Lower case. */
  readonly header: string;
  /** The 32 bytes that the header's text stands for, or null where it is no MAC. */
  read(text: string): Buffer | null;
  /** How a MAC is written, for the refusal: "64 hexadecimal digits". */
  readonly written: string;
};

/** The plainest scheme there is; no time is signed with it. Never throws. */
export function verifyHeaderMac(request: WebhookRequest, context: VerifyContext, scheme: HeaderMac): Verdict {
  // With an empty key anybody can compute the HMAC.
  const secrets = context.secrets.filter((one) => one.secret !== '');
  if (secrets.length === 0) return rejected('no_secret', 'the endpoint has no secret that is valid now');
  const [text, second] = headerValues(request, scheme.header);
  if (text === undefined) return rejected('signature_missing', `there is no ${scheme.header} header`);
  if (second !== undefined) return rejected('signature_malformed', `there are two ${scheme.header} headers`);
  const given = scheme.read(text);
  if (given === null) return rejected('signature_malformed', `the signature is not ${scheme.written}`);
  const match = secrets.find(({ secret }) => safeEqual(given, hmacSha256(secret, request.body)));
  if (match === undefined) {
    return rejected('signature_mismatch', 'the signature fits no secret: another secret, or the body was changed');
  }
  return { kind: 'authentic', level: 'body', secretId: match.id };
}

function rejected(reason: RejectReason, detail: string): Verdict {
  return { kind: 'rejected', reason, detail };
}
