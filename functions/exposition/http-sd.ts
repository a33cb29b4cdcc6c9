import { ROUTE } from '../http/request.ts';
import { jsonLines } from './fleet-json.ts';
import type { GuestStatus } from './fleet-status.ts';

/**
 * The URL of each guest's ping as Prometheus' http_sd reads it, a guest a line. What Trove says is in labels that begin
 * with `__meta_trove_`.
 *
 * @param pingsAt the API's URL, without a slash at the end, and the caller's project, where Keystone asks for it
 */
export function* pingTargets(
  guests: readonly GuestStatus[],
  { url, projectId }: { readonly url: string; readonly projectId: string | undefined },
): Iterable<string> {
  const targetOf = ({ instance_id: id, name, project_id: project, hypervisor }: GuestStatus) => {
    const tenant = encodeURIComponent(projectId ?? project ?? '-');
    const target = url + ROUTE.path.replace('{tenant_id}', tenant).replace('{instance_id}', id);
    const labels = {
      __meta_trove_instance_id: id,
      __meta_trove_name: name,
      __meta_trove_project: project,
      __meta_trove_hypervisor: hypervisor,
    };
    return { targets: [target], labels };
  };
  yield* jsonLines(guests.values().map(targetOf));
  yield '\n';
}
