/**
 * Lines of trove.conf by which Trove's API asks Keystone: as a service user, which our function does without.
 *
 * @param keystoneUrl Keystone's v3 API
 * @param project of the user `trove`, whose password is its name
 */
export function authtokenConfig(keystoneUrl: string, project: string): string {
  const root = keystoneUrl.replace('/v3', '');
  return `
[keystone_authtoken]
www_authenticate_uri = ${root}
auth_url = ${root}
auth_type = password
username = trove
password = trove
project_name = ${project}
user_domain_id = default
project_domain_id = default
`;
}
