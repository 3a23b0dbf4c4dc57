import { isUtf8 } from 'node:buffer';
import { type Captured, createByteCapture } from './byte-capture.ts';
import { messageOf } from './errors.ts';
import { type Json, parseExactJson } from './exact-json.ts';

/**
 * JSON as processors' lists come, of any size, a record at a time: a bare array, an object with arrays at named places
 * (`payout_entries`, `_embedded.payments`), one object a line, and several such texts one after another, as the pages of an
 * answer. A record is told with its exact text: parsed and written anew an amount beyond 2^53 would be another one.
 */
export type JsonItem = JsonRecord | JsonDocument | BrokenJson;

export type JsonRecord = {
  readonly kind: 'record';
  /** From 1, over all of the file. */
  readonly number: number;
  /** Where it stood; empty: in a bare array. */
  readonly place: string;
  readonly raw: string;
  readonly value: Json;
};

/** An object that ended, with what stood beside its records: a page's cursor, or, where it had no place, all of it. */
export type JsonDocument = {
  readonly kind: 'document';
  /** Its own where it had no place, else that of the last record. */
  readonly number: number;
  /** Without the records: an empty list, or null, stands for them. */
  readonly raw: string;
  readonly value: Json;
  /** The places that were there. */
  readonly places: readonly string[];
};

export type BrokenJson = {
  readonly kind: 'broken';
  /** The record it is about; null: the file. */
  readonly number: number | null;
  readonly reason: string;
  /** Nothing can be read behind it. */
  readonly isEnd: boolean;
};

export const RECORD_BYTES_MAX = 1024 * 1024;
/** Around records; what is in them is bounded by exact-json. */
const DEPTH_MAX = 16;
const NAME_BYTES_MAX = 1_024;

export type JsonRecordReader = {
  push(chunk: Uint8Array): readonly JsonItem[];
  /** The file has ended. */
  end(): readonly JsonItem[];
};

/** Throws only what `source` throws. */
export async function* readJsonRecords(
  source: AsyncIterable<Uint8Array>,
  places: readonly string[],
): AsyncIterable<readonly JsonItem[]> {
  const reader = createJsonRecordReader(places);
  for await (const chunk of source) {
    const items = reader.push(chunk);
    if (items.length > 0) yield items;
    const last = items.at(-1);
    if (last?.kind === 'broken' && last.isEnd) return;
  }
  const items = reader.end();
  if (items.length > 0) yield items;
}

type Frame = {
  readonly isObject: boolean;
  /** Of the value itself; null below an array, where nothing is a place. */
  readonly path: string | null;
  /** Its elements are records. */
  readonly isList: boolean;
  name: string;
  expectsName: boolean;
  /** Of a list: what was last in it. */
  last: 'nothing' | 'record' | 'comma';
};

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [BRACE, BRACE_END, BRACKET, BRACKET_END] = [0x7b, 0x7d, 0x5b, 0x5d];
const BOM = [0xef, 0xbb, 0xbf];
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export function createJsonRecordReader(places: readonly string[]): JsonRecordReader {
  const isPlace = new Set(places);
  const frames: Frame[] = [];
  const kept = createByteCapture(RECORD_BYTES_MAX);
  const record = createByteCapture(RECORD_BYTES_MAX);
  const name = createByteCapture(RECORD_BYTES_MAX);
  let items: JsonItem[] = [];
  let offset = 0;
  let number = 0;
  let found: string[] = [];
  /** Inside a record: how deep. Null: outside. A scalar element has depth 0. */
  let depth: number | null = null;
  let place = '';
  let text: 'none' | 'name' | 'value' = 'none';
  let isEscaped = false;
  let hasEnded = false;

  function push(chunk: Uint8Array): readonly JsonItem[] {
    items = [];
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (const capture of [kept, record, name]) capture.resume(bytes);
    for (let at = 0; at < bytes.length && !hasEnded; at += 1) {
      if (text === 'none') step(bytes[at] ?? 0, at);
      else at = inText(bytes, at);
    }
    for (const capture of [kept, record, name]) capture.pause(bytes.length);
    offset += bytes.length;
    return items;
  }

  /** Where a text goes on: jumps to its quote. */
  function inText(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) {
        if (text === 'name') nameEnds(at);
        text = 'none';
        return at;
      }
    }
    return bytes.length;
  }

  function step(byte: number, at: number): void {
    if (depth !== null) inRecord(byte, at);
    else if (isBlank(byte)) return;
    else outside(byte, at);
  }

  function inRecord(byte: number, at: number): void {
    if (byte === QUOTE) text = 'value';
    else if (byte === BRACE || byte === BRACKET) depth = (depth ?? 0) + 1;
    else if (depth === 0) {
      // An element that is neither object nor list ends where the next begins.
      if (byte !== COMMA && byte !== BRACKET_END && byte !== BRACE_END && !isBlank(byte)) return;
      recordEnds(at);
      if (!isBlank(byte)) outside(byte, at);
    } else if (byte === BRACE_END || byte === BRACKET_END) {
      depth = (depth ?? 0) - 1;
      if (depth === 0) recordEnds(at + 1);
    }
  }

  function outside(byte: number, at: number): void {
    const frame = frames.at(-1);
    if (frame === undefined) {
      if (offset + at < BOM.length && BOM[offset + at] === byte) return;
      if (byte !== BRACE && byte !== BRACKET) {
        breaks(`the file is no JSON: at byte ${offset + at} stands neither an object nor a list`);
        return;
      }
      found = [];
      kept.begin(at);
      enters(byte, byte === BRACKET ? '' : 'document', at);
      return;
    }
    if (frame.isList && (byte === COMMA || byte === COLON) !== (frame.last === 'record') && byte !== BRACKET_END)
      breaks(`the file is no JSON: the records of a list are not parted by one comma each, at byte ${offset + at}`);
    else if (byte === BRACE_END || byte === BRACKET_END) leaves(frame, byte, at);
    else if (byte === COMMA) {
      frame.expectsName = frame.isObject;
      frame.last = 'comma';
    } else if (byte === COLON) return;
    else if (frame.isList) recordBegins(byte, frame.path ?? '', at);
    else if (byte === QUOTE && frame.expectsName) {
      text = 'name';
      name.begin(at);
    } else {
      const path = frame.path === null || !frame.isObject ? null : joined(frame.path, frame.name);
      if (byte === BRACE || byte === BRACKET) valueBegins(byte, path, at);
      else if (byte === QUOTE) text = 'value';
    }
  }

  function valueBegins(byte: number, path: string | null, at: number): void {
    if (path === null || !isPlace.has(path)) {
      enters(byte, path, at);
      return;
    }
    if (!found.includes(path)) found.push(path);
    if (byte === BRACKET) enters(byte, path, at);
    else {
      kept.stop(at);
      kept.add('null');
      recordBegins(byte, path, at);
    }
  }

  function enters(byte: number, path: string | null, at: number): void {
    if (frames.length >= DEPTH_MAX) {
      breaks(`the file nests deeper than ${DEPTH_MAX} levels around its records, at byte ${offset + at}`);
      return;
    }
    const isList = byte === BRACKET && path !== null && (frames.length === 0 || isPlace.has(path));
    const isObject = byte === BRACE;
    frames.push({
      isObject,
      path: frames.length === 0 && isObject ? '' : path,
      isList,
      name: '',
      expectsName: isObject,
      last: 'nothing',
    });
    if (isList) kept.stop(at + 1);
  }

  function leaves(frame: Frame, byte: number, at: number): void {
    if ((byte === BRACE_END) !== frame.isObject || (frame.isList && frame.last === 'comma')) {
      breaks(`the file is no JSON: at byte ${offset + at} something else ends than has begun`);
      return;
    }
    frames.pop();
    if (frame.isList) kept.begin(at);
    if (frames.length > 0) return;
    const whole = kept.take(at + 1);
    if (!frame.isObject) return;
    if (found.length === 0) number += 1;
    const read = parsed(whole);
    if (read.kind === 'broken') items.push(read);
    else items.push({ kind: 'document', number, raw: read.raw, value: read.value, places: found });
  }

  function nameEnds(at: number): void {
    const frame = frames.at(-1);
    const bytes = name.take(at + 1);
    if (frame === undefined) return;
    frame.expectsName = false;
    frame.name = bytes.size > NAME_BYTES_MAX ? '' : nameOf(bytes.bytes);
  }

  function recordBegins(byte: number, where: string, at: number): void {
    number += 1;
    place = where;
    depth = byte === BRACE || byte === BRACKET ? 1 : 0;
    if (byte === QUOTE) text = 'value';
    record.begin(at);
  }

  function recordEnds(at: number): void {
    depth = null;
    const read = parsed(record.take(at));
    if (read.kind === 'broken') items.push(read);
    else items.push({ kind: 'record', number, place, raw: read.raw, value: read.value });
    const frame = frames.at(-1);
    if (frame?.isList === true) frame.last = 'record';
    // An object in place of a list: what is around it goes on.
    else kept.begin(at);
  }

  function parsed({ bytes, size }: Captured): { kind: 'read'; raw: string; value: Json } | BrokenJson {
    const broken = (reason: string): BrokenJson => ({ kind: 'broken', number, reason, isEnd: false });
    if (size > RECORD_BYTES_MAX) return broken(`the record is larger than ${RECORD_BYTES_MAX} bytes`);
    if (!isUtf8(bytes)) return broken('the record is not UTF-8');
    const raw = bytes.toString('utf8');
    try {
      return { kind: 'read', raw, value: parseExactJson(raw) };
    } catch (error) {
      return broken(messageOf(error));
    }
  }

  function breaks(reason: string): void {
    hasEnded = true;
    items.push({ kind: 'broken', number: null, reason, isEnd: true });
  }

  function end(): readonly JsonItem[] {
    items = [];
    if (hasEnded || (frames.length === 0 && depth === null)) return items;
    const where = depth === null ? `behind record ${number}` : `inside record ${number}`;
    breaks(`the file is cut short: it ends ${where}, at byte ${offset}`);
    return items;
  }

  return { push, end };
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** A name that is none of a place's is never compared with one. */
function nameOf(bytes: Buffer): string {
  const text = bytes.toString('utf8', 1, bytes.length - 1);
  if (!text.includes('\\')) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    // The document it is in is parsed as a whole, and told as broken there.
    return '';
  }
}
