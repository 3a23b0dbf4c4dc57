import { Type } from 'typebox';

export const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' });

export const HeadShape = Type.Object({
  size: Type.Integer({ description: 'entries in the log when it was signed' }),
  root: Hash,
  signed_at: Type.String({ format: 'date-time' }),
  key_id: Type.String(),
  signature: Type.String({
    description: 'Ed25519, base64, over "postern tree head 1", size, root and signed_at, a line each',
  }),
  public_key: Type.String({ description: 'SPKI, base64' }),
});
