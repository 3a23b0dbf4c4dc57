/** Who may do what: `admin` may all. */
export const ROLES = ['monitor', 'ops', 'finance', 'service', 'admin'] as const;

export type Role = (typeof ROLES)[number];

export function isRole(name: string): name is Role {
  return (ROLES as readonly string[]).includes(name);
}
