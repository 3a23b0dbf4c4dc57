import { PosternError } from '../errors.ts';

/** Longer than any line that still works stands still. */
export const UPLOAD_IDLE_MS = 60_000;

/** What `coming` resolves with, unless it takes longer than an upload may stand still. @throws PosternError `request_timeout` */
export async function notIdle<T>(coming: Promise<T>, idleMs: number, came: number): Promise<T> {
  const stalled = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      stalled.reject(
        new PosternError(
          'request_timeout',
          `the upload broke off after ${came} bytes (no more came for ${idleMs / 1_000} s): nothing of it was kept; send the file again`,
        ),
      ),
    idleMs,
  );
  try {
    return await Promise.race([coming, stalled.promise]);
  } finally {
    clearTimeout(timer);
  }
}
