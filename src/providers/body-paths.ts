import { type Json, textAt } from '../exact-json.ts';

const STEPS_MAX = 16;
const PATH = /^[^.\s]+(?:\.[^.\s]+)*$/;
/** 2001-09-09 in milliseconds; as seconds it is the year 33658. Numbers above are taken for milliseconds. */
const SECONDS_MAX = 1_000_000_000_000;

/** `data.items.0.id` as steps; a number is a position in a list. */
export function steps(path: string): (string | number)[] {
  return path.split('.').map((step) => (/^(?:0|[1-9]\d{0,5})$/.test(step) ? Number(step) : step));
}

/** A path, or `=EUR`: the text after "=" itself. */
export function isPath(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 256) return false;
  return /^=\S+$/.test(value) || (PATH.test(value) && value.split('.').length <= STEPS_MAX);
}

export function follow(body: Json, path: string): string | undefined {
  return path.startsWith('=') ? path.slice(1) : textAt(body, ...steps(path));
}

/** ISO 8601, unix seconds or unix milliseconds as unix ms; null where it is none of them. */
export function readTime(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,15}$/.test(text)) return Number(text) < SECONDS_MAX ? Number(text) * 1000 : Number(text);
  const ms = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isFinite(ms) ? ms : null;
}
