/**
 * Whether two open sessions each keep a server connection of their own, asked of the connections themselves: each
 * function gives the process id of the server that answered it. A pooler in transaction (or statement) mode lends the
 * same server to both, or another one to the next statement.
 *
 * The order matters: a pooler that takes its servers in turn would give strictly alternating sessions the same one each
 * time; two questions of one session in a row then meet two servers.
 */
export async function keepsSessions(a: () => Promise<number>, b: () => Promise<number>): Promise<boolean> {
  const [serverOfA, serverOfB] = [await a(), await b()];
  if (serverOfA === serverOfB) return false;
  for (let round = 0; round < ROUNDS; round += 1) {
    if ((await a()) !== serverOfA || (await a()) !== serverOfA) return false;
    if ((await b()) !== serverOfB || (await b()) !== serverOfB) return false;
  }
  return true;
}

/** On a busy pooler a session may meet its server again by chance, but not so often. */
const ROUNDS = 5;
