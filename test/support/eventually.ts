/**
 * Tries `attempt` until it stops throwing, and throws its last error when the time is over: what a test waits for is said
 * by its own expectation, not by a sleep that is too short on a busy machine.
 */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  { timeoutMs = 5_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() >= deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
