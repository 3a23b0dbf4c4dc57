/**
 * Ids of the lines of one import, rising in their order: the first half of the import's own id (a UUIDv7, so they sort by when
 * it began), some of its randomness, and the line's number, of which a file has no more than 32 bits. Made without asking for
 * randomness a million times.
 */
export function lineIds(settlement: string): (n: number) => string {
  const start = settlement.slice(0, 18);
  const group = `8${settlement.slice(20, 23)}-${settlement.slice(24, 28)}`;
  return (n) => `${start}-${group}${n.toString(16).padStart(8, '0')}`;
}
