/** The queues by name: for their figures, and for whoever pauses one. What they count is events, or files; never jobs. */
export const QUEUES = ['events', 'replay', 'fetch', 'settlements'] as const;

export type QueueName = (typeof QUEUES)[number];

export function isQueueName(text: string): text is QueueName {
  return (QUEUES as readonly string[]).includes(text);
}
