import { parseExactJson, textAt } from '../../src/exact-json.ts';
import { listSlices } from '../../src/json-slices.ts';
import { contentFingerprint } from '../../src/providers/content-fingerprint.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { stubProvider } from './stub-endpoint.ts';

/** Its events are `{"id","type","amount","at"}`, and its API lists them as they were sent. */
export function createListing(name: string, host: string): Provider {
  return {
    ...stubProvider,
    name,
    title: name.replace(/^./, (first) => first.toUpperCase()),
    identify(request) {
      const event = parseExactJson(request.body);
      const id = textAt(event, 'id');
      if (id === undefined) return { kind: 'unreadable', detail: 'no id' };
      return {
        kind: 'events',
        events: [
          {
            item: 0,
            id,
            idSigned: true,
            transmissionId: null,
            type: textAt(event, 'type') ?? 'unknown',
            apiVersion: null,
            live: null,
            account: textAt(event, 'account') ?? null,
            occurredAt: Number(textAt(event, 'at')),
            fingerprint: () => contentFingerprint(request.body, ['try']),
          },
        ],
      };
    },
    normalise(event) {
      const body = parseExactJson(event.body);
      const about = { references: [{ kind: 'payment', id: event.id }], amount: null };
      if (event.type === 'note') return { ...about, kind: 'no_effect', reason: 'a note' };
      if (event.type === 'hint')
        return { ...about, kind: 'fetch', object: { kind: 'payment', id: event.id }, reason: 'a hint' };
      const amount = BigInt(textAt(body, 'amount') ?? 'none');
      const key = `${textAt(body, 'payment') ?? event.id}:captured`;
      return {
        ...about,
        kind: 'effects',
        effects: [{ type: 'payment.captured', key, at: 0, payment: event.id, amount, currency: 'EUR' }],
      };
    },
    api: {
      hosts: [host],
      keySetting: 'api_key',
      async fetchObject({ id }, { call }) {
        const answer = await call({ method: 'GET', host, path: `/objects/${id}`, headers: {} });
        return answer.status === 404
          ? { kind: 'missing', detail: `no object ${id}` }
          : { kind: 'refused', detail: 'the key may not read objects' };
      },
      list: {
        what: 'events',
        days: 30,
        delayS: 0,
        covers: (type) => type !== 'thin',
        async page(_range, cursor, { call, now }) {
          const path = `/events?cursor=${cursor ?? ''}`;
          const answer = await call({ method: 'GET', host, path, headers: {} });
          if (answer.status === 401) return { kind: 'refused', detail: 'the key may not read events' };
          if (answer.status === 429) return { kind: 'later', at: now + 86_400_000, detail: 'too many calls' };
          const events = listSlices(answer.body, 'data').map((body) => {
            const read = parseExactJson(body);
            const object = textAt(read, 'type') === 'object' ? { object: true as const } : {};
            return { body, at: Number(textAt(read, 'at')), ...object };
          });
          return { kind: 'page', path: '/events', events, next: textAt(parseExactJson(answer.body), 'next') ?? null };
        },
      },
    },
  };
}
