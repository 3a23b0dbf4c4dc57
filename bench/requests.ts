import { createHmac } from 'node:crypto';
import { wholeLives } from '../src/simulate/traffic.ts';

/** Signed requests as the bytes that go over the socket, ready before the clock starts. */
export type RequestPool = {
  /** Slots of one size, one after the other. */
  readonly bytes: Buffer;
  readonly slot: number;
  readonly count: number;
};

export type RequestShape = {
  readonly host: string;
  readonly path: string;
  readonly secret: string;
  /** Tells runs apart: six characters, part of every event id. */
  readonly run: string;
  readonly count: number;
  /** Unix ms that the signature names. */
  readonly now: number;
};

export const BODY_BYTES = 2_500;
/** Digits of the event's number at the end of its id: the bench reads its intended send time from them. */
export const NUMBER_DIGITS = 8;

const EVENT_MARK = 'evt_BENCHEVENTID00000000000';
const CHARGE_MARK = 'ch_BENCHCHARGEID0000000000';

/** One body of Stripe's shape and 2,500 bytes, with marks where the ids go. */
function template(): string {
  const [life] = wholeLives('stripe', { seed: 'bench', count: 1, startedAt: Date.UTC(2026, 0, 1), account: 'bench' });
  const told = life?.requests.find(({ body }) => body.includes('"charge.succeeded"'))?.body ?? '';
  const event = JSON.parse(told) as {
    id: string;
    api_version: string;
    created: number;
    data: { object: Record<string, unknown> };
    pad?: string;
  };
  event.id = EVENT_MARK;
  Object.assign(event.data.object, {
    id: CHARGE_MARK,
    amount: 12_345,
    amount_captured: 12_345,
    captured: true,
    currency: 'eur',
    status: 'succeeded',
    paid: true,
    metadata: {},
  });
  const short = JSON.stringify(event);
  const missing = BODY_BYTES - Buffer.byteLength(short);
  const name = '"note":""';
  if (missing < name.length) throw new RangeError(`the body is ${-missing} bytes too long`);
  event.data.object.metadata = { note: 'x'.repeat(missing - name.length) };
  return JSON.stringify(event);
}

/** Signing some 100,000 requests takes a second or two of this process, before any of them is sent. */
export function makeRequests({ host, path, secret, run, count, now }: RequestShape): RequestPool {
  const body = Buffer.from(template());
  const eventAt = body.indexOf(EVENT_MARK);
  const chargeAt = body.indexOf(CHARGE_MARK);
  const t = Math.floor(now / 1000);
  const head = (signature: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json; charset=utf-8\r\n` +
    `Content-Length: ${body.length}\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n` +
    `Stripe-Signature: t=${t},v1=${signature}\r\n\r\n`;
  const slot = head('0'.repeat(64)).length + body.length;
  const bytes = Buffer.allocUnsafe(slot * count);
  for (let i = 0; i < count; i += 1) {
    const id = `${run}${String(i).padStart(NUMBER_DIGITS, '0')}`.padStart(EVENT_MARK.length - 4, '0');
    body.write(id, eventAt + 4, 'latin1');
    body.write(id.slice(1), chargeAt + 3, 'latin1');
    const signature = createHmac('sha256', secret).update(`${t}.`).update(body).digest('hex');
    const start = i * slot;
    const length = bytes.write(head(signature), start, 'latin1');
    body.copy(bytes, start + length);
  }
  return { bytes, slot, count };
}
