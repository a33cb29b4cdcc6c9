import { ForeignProject, NotAdmin } from './errors.ts';
import type { Token } from './token.ts';

/**
 * What Trove asks of a token for its management calls, in Trove's order: first the project, then the role.
 *
 * @param projectId that the caller asks for; undefined: the path names none
 * @param adminRoles in lower case
 * @throws ForeignProject or NotAdmin
 */
export function requireAccess(
  token: Token,
  projectId: string | undefined,
  adminRoles: readonly string[],
): void {
  if (token.project === undefined || token.project.id !== projectId) throw new ForeignProject(token);
  if (!token.roles.some((role) => adminRoles.includes(role.toLowerCase()))) throw new NotAdmin(token);
}
