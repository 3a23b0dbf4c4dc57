export type Captured = { readonly bytes: Buffer; readonly size: number };

/** A piece of what is read that goes over its chunks; past `limit` only its size is kept. */
export type ByteCapture = {
  begin(at: number): void;
  /** Leaves out what follows, until `begin`. */
  stop(at: number): void;
  add(text: string): void;
  /** The chunk has ended, and the next follows. */
  pause(length: number): void;
  resume(chunk: Buffer): void;
  /** All until `to`; the next piece begins anew. */
  take(to: number): Captured;
};

export function createByteCapture(limit: number): ByteCapture {
  let parts: Buffer[] = [];
  let size = 0;
  let chunk: Buffer = Buffer.alloc(0);
  let from: number | null = null;

  function put(part: Buffer): void {
    size += part.length;
    if (size <= limit) parts.push(part);
    else parts = [];
  }
  function flush(to: number): void {
    // A chunk's memory may be used anew by whoever reads the file.
    if (from !== null && to > from) put(Buffer.from(chunk.subarray(from, to)));
  }

  return {
    begin(at) {
      from = at;
    },
    stop(at) {
      flush(at);
      from = null;
    },
    add(text) {
      put(Buffer.from(text));
    },
    pause(length) {
      flush(length);
      if (from !== null) from = 0;
    },
    resume(next) {
      chunk = next;
    },
    take(to) {
      flush(to);
      const taken = { bytes: Buffer.concat(parts), size };
      parts = [];
      size = 0;
      from = null;
      return taken;
    },
  };
}
