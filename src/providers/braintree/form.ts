/** The two fields of a notification, decoded; null for one that is not there, `repeated` where one stands twice. */
export type Form = {
  readonly signature: string | null;
  readonly payload: string | null;
  readonly repeated: boolean;
};

const FIELDS_MAX = 20;

/**
 * The body as application/x-www-form-urlencoded, or null where it is none. The payload is base64 with newlines, so a
 * lenient decoder that leaves `+` or `%2B` as it is would lose the signature; and a field told twice would let the
 * verifier and the parser read different ones.
 */
export function readForm(body: Buffer): Form | null {
  const fields = body.toString('latin1').split('&', FIELDS_MAX + 1);
  if (fields.length > FIELDS_MAX) return null;
  const found = new Map<string, string>();
  let repeated = false;
  for (const field of fields) {
    const equals = field.indexOf('=');
    const name = decode(equals < 0 ? field : field.slice(0, equals));
    const value = decode(equals < 0 ? '' : field.slice(equals + 1));
    if (name === null || value === null) return null;
    if (name !== 'bt_signature' && name !== 'bt_payload') continue;
    repeated ||= found.has(name);
    found.set(name, value);
  }
  return { signature: found.get('bt_signature') ?? null, payload: found.get('bt_payload') ?? null, repeated };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // A percent sign without two digits behind it, or bytes that are no UTF-8: no form decoder wrote that.
    return null;
  }
}
