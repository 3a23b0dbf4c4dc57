import { connect } from 'node:net';

export type RawRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** Sends the body chunked, with borders at these offsets. */
  readonly chunkAt?: readonly number[];
};

/** One HTTP request over a socket of its own, byte for byte as given. Resolves with the status. */
export function sendRaw(origin: string, request: RawRequest): Promise<number> {
  const { port, hostname } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 s')));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      if (status === undefined) reject(new Error(`no answer: ${JSON.stringify(text.slice(0, 100))}`));
      else resolve(Number(status));
    });
    const chunked = request.chunkAt !== undefined;
    const lines = request.headers.filter(
      ([name]) => !['host', 'connection', 'content-length', 'transfer-encoding'].includes(name),
    );
    const head = [
      `${request.method} ${request.path} HTTP/1.1`,
      'host: gateway.test',
      'connection: close',
      chunked ? 'transfer-encoding: chunked' : `content-length: ${request.body.length}`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    if (!chunked) {
      socket.write(request.body);
      return;
    }
    const borders = [0, ...(request.chunkAt ?? []), request.body.length];
    for (let n = 0; n + 1 < borders.length; n += 1) {
      const chunk = request.body.subarray(borders[n], borders[n + 1]);
      socket.write(Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]));
    }
    socket.write('0\r\n\r\n');
  });
}
