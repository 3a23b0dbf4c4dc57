import { PosternError } from '../errors.ts';
import type { ShownEndpoint } from './service.ts';

/** Throws `conflict` where a request might still be signed with this secret, saying from when it will not. */
export function refuseRemoval({ secrets }: Pick<ShownEndpoint, 'secrets'>, secretId: string): void {
  const secret = secrets.find(({ id }) => id === secretId);
  // Whoever deletes says that there is none; what verifies nothing now refuses nothing when it is gone.
  if (secret === undefined || secret.state === 'waiting' || secret.state === 'ended') return;
  const others = secrets.filter(({ id, state }) => id !== secretId && (state === 'in_use' || state === 'idle'));
  if (others.length === 0)
    throw new PosternError('conflict', `${secretId} is the only secret that is valid now: without it all is refused`);
  const { last_used_at: used, removableAt, removableSince } = secret;
  const lastUse = used === null ? 'was never used' : `was last used at ${used.toISOString()}`;
  if (removableAt === null)
    throw new PosternError('conflict', `${secretId} ${lastUse}, and no newer secret has been used yet`);
  if (removableSince === null) {
    throw new PosternError(
      'conflict',
      `${secretId} ${lastUse}; if it stays idle it may be removed from ${removableAt.toISOString()}`,
    );
  }
}
