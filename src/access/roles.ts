/** What a token may do; `admin` may all. */
export const ROLES = ['monitor', 'ops', 'finance', 'service', 'admin'] as const;

export type Role = (typeof ROLES)[number];

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}
