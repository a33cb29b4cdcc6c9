import { Forbidden } from './errors.ts';
import type { Token } from './token.ts';

/**
 * What Trove asks of a token for its management calls, in Trove's order: first the project, then the role.
 *
 * @param projectId that the caller asks for; undefined: the path names none
 * @param adminRoles in lower case
 * @throws Forbidden
 */
export function requireAccess(
  token: Token,
  projectId: string | undefined,
  adminRoles: readonly string[],
): void {
  const { project, roles } = token;
  if (project === undefined || project.id !== projectId) throw new Forbidden('foreign_project', token);
  if (!roles.some((role) => adminRoles.includes(role.toLowerCase()))) throw new Forbidden('not_admin', token);
}
