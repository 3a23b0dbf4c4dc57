/**
 * What waits in memory for one slow writer, by kind. Kinds take turns, and when there is no more room the newest of the kind
 * that has most of it goes: a flood of one kind leaves the others their place.
 */
export type FairQueue<T> = {
  /** Returns what had to go for it, perhaps itself. */
  push(kind: string, item: T, bytes: number): T[];
  /** The next items, one of each kind at a time. */
  take(limit: number): T[];
  size(): number;
};

type Waiting<T> = { readonly item: T; readonly bytes: number };
type Lane<T> = { readonly items: Waiting<T>[]; bytes: number };

export function createFairQueue<T>({
  itemsMax,
  bytesMax,
}: {
  readonly itemsMax: number;
  readonly bytesMax: number;
}): FairQueue<T> {
  // A Map keeps insertion order: the lane that had its turn goes to the end. An empty lane is no lane.
  const lanes = new Map<string, Lane<T>>();
  let size = 0;
  let bytesHeld = 0;

  function remove(kind: string, lane: Lane<T>, waiting: Waiting<T> | undefined): T | undefined {
    if (waiting === undefined) return undefined;
    lane.bytes -= waiting.bytes;
    bytesHeld -= waiting.bytes;
    size -= 1;
    if (lane.items.length === 0) lanes.delete(kind);
    return waiting.item;
  }

  function dropOne(): T | undefined {
    const weigh = (lane: Lane<T>): number => (size > itemsMax ? lane.items.length : lane.bytes);
    let heaviest: [string, Lane<T>] | undefined;
    for (const entry of lanes) if (heaviest === undefined || weigh(entry[1]) >= weigh(heaviest[1])) heaviest = entry;
    if (heaviest === undefined) return undefined;
    const [kind, lane] = heaviest;
    return remove(kind, lane, lane.items.pop());
  }

  return {
    push(kind, item, bytes) {
      const lane = lanes.get(kind) ?? { items: [], bytes: 0 };
      lanes.set(kind, lane);
      lane.items.push({ item, bytes });
      lane.bytes += bytes;
      bytesHeld += bytes;
      size += 1;
      const dropped: T[] = [];
      while (size > itemsMax || bytesHeld > bytesMax) {
        const one = dropOne();
        if (one === undefined) break;
        dropped.push(one);
      }
      return dropped;
    },
    take(limit) {
      const taken: T[] = [];
      while (taken.length < limit) {
        const next = lanes.entries().next();
        if (next.done) break;
        const [kind, lane] = next.value;
        lanes.delete(kind);
        lanes.set(kind, lane);
        const item = remove(kind, lane, lane.items.shift());
        if (item !== undefined) taken.push(item);
      }
      return taken;
    },
    size: () => size,
  };
}
