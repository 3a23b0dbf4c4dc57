import { type TSchema, Type } from 'typebox';
import { PosternError } from '../errors.ts';
import { textFault } from './plain-text.ts';

export const LIMIT_DEFAULT = 50;
export const LIMIT_MAX = 500;

/** The query of every list. */
export const PageQuery = {
  cursor: Type.Optional(Type.String({ maxLength: 500, description: 'next_cursor of the page before' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT })),
};

export const ListOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next_cursor: Type.Union([Type.String(), Type.Null()]) });

/** A cursor is opaque to callers: the key of the last item, packed. */
export function packCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** @throws PosternError `invalid_request` for anything that did not come from us. */
export function unpackCursor(cursor: string | undefined, parts: readonly RegExp[]): string[] | null {
  if (cursor === undefined) return null;
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(key) &&
      key.length === parts.length &&
      key.every((k, n) => typeof k === 'string' && textFault(k) === null && parts[n]?.test(k) === true)
    ) {
      return key as string[];
    }
  } catch {
    throw badCursor();
  }
  throw badCursor();
}

function badCursor(): PosternError {
  return new PosternError('invalid_request', 'this is no cursor of this list', {
    faults: [{ path: 'querystring/cursor', message: 'must be the next_cursor of the page before, unchanged' }],
  });
}

/** A page of rows read with one more than asked: whether there is a next page, and where it begins. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  keyOf: (row: R) => readonly string[],
  viewOf: (row: R) => T,
) {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit).map(viewOf), next_cursor: last === undefined ? null : packCursor(keyOf(last)) };
}
